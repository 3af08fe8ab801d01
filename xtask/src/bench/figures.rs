//! Samples of one quantity, and how they are told.

use std::fmt;
use std::time::Duration;

/// Durations of the same thing, run after run.
#[derive(Debug, Default)]
pub(super) struct Durations(Vec<Duration>);

impl Durations {
    pub(super) fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// The smallest one. Zero without any.
    pub(super) fn min(&self) -> Duration {
        self.0.iter().min().copied().unwrap_or_default()
    }

    /// The smallest one that `percent` of all do not exceed. Zero without any.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }

    /// The middle one; the mean of the middle two of an even number. Zero without any.
    pub(super) fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => Duration::ZERO,
            odd if odd % 2 == 1 => sorted[middle],
            _ => (sorted[middle - 1] + sorted[middle]) / 2,
        }
    }
}

impl FromIterator<Duration> for Durations {
    fn from_iter<I: IntoIterator<Item = Duration>>(durations: I) -> Self {
        Self(durations.into_iter().collect())
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let edge = |edge: Option<&Duration>| edge.map_or(0.0, Duration::as_secs_f64);
        write!(
            formatter,
            "median {:.3} s (min {:.3}, max {:.3}, {} runs)",
            self.median().as_secs_f64(),
            edge(self.0.iter().min()),
            edge(self.0.iter().max()),
            self.0.len()
        )
    }
}

/// Prints two kinds of runs side by side, with the ratio and the difference of their medians.
pub(super) fn compare(what: &str, bare: &Durations, lictor: &Durations) {
    let (base, ours) = (bare.median().as_secs_f64(), lictor.median().as_secs_f64());
    println!("\n{what}");
    println!("  bare agent  {bare}");
    println!("  lictor      {lictor}");
    println!(
        "  lictor / bare agent: {:.3}, {:+.0} ms",
        ours / base,
        (ours - base) * 1000.0
    );
}

#[cfg(test)]
mod tests {
    use super::Durations;
    use std::time::Duration;

    fn durations(seconds: &[u64]) -> Durations {
        seconds.iter().copied().map(Duration::from_secs).collect()
    }

    #[test]
    fn a_median_is_the_middle() {
        let of = |seconds: &[u64]| durations(seconds).median();
        assert_eq!(of(&[]), Duration::ZERO);
        assert_eq!(of(&[3, 1, 2]), Duration::from_secs(2));
        assert_eq!(of(&[4, 1, 2, 3]), Duration::from_millis(2500));
    }

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let of = |percent, seconds: &[u64]| durations(seconds).percentile(percent).as_secs();
        assert_eq!(of(90, &[]), 0);
        assert_eq!(of(90, &[7]), 7);
        assert_eq!(of(90, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]), 9);
        assert_eq!(of(100, &[1, 3, 2]), 3);
        assert_eq!(of(0, &[1, 3, 2]), 1);
    }
}
