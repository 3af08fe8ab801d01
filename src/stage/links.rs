//! Paths with their links followed, each link read once.
//!
//! A volume of Kubernetes is swapped by one link, `..data`, through which every file's own link leads. Whoever lets the kernel follow
//! it for each file may get one file of the old volume and the next one of the new. Here what a link said first is what it
//! says for the whole of a reading.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// As many as the kernel follows.
pub(super) const MOST: u32 = 40;

/// The links of one reading.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The target of each, and nothing for what is no link.
    known: BTreeMap<PathBuf, Option<PathBuf>>,
    /// What was looked at last, without any link in it: where it fails, this is why.
    pub(super) last: PathBuf,
}

impl Links {
    /// Where an absolute path leads in the end. Fails like the kernel: where something on the way is missing, may not be looked
    /// at, or goes in circles.
    pub(super) fn follow(&mut self, path: &Path) -> io::Result<PathBuf> {
        let mut reached = PathBuf::from("/");
        let mut rest = parts(path);
        let mut followed = 0;
        while let Some(part) = rest.pop() {
            match Path::new(&part).components().next() {
                Some(Component::RootDir) => reached = PathBuf::from("/"),
                Some(Component::ParentDir) => drop(reached.pop()),
                Some(Component::Normal(name)) => {
                    let next = reached.join(name);
                    match self.target(&next)? {
                        None => reached = next,
                        Some(_) if followed == MOST => {
                            return Err(nix::errno::Errno::ELOOP.into());
                        }
                        Some(target) => {
                            followed += 1;
                            rest.extend(parts(&target));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(reached)
    }

    /// What a link says, or none if it is no link.
    fn target(&mut self, path: &Path) -> io::Result<Option<PathBuf>> {
        path.clone_into(&mut self.last);
        if let Some(known) = self.known.get(path) {
            return Ok(known.clone());
        }
        let target = match fs::symlink_metadata(path)?.is_symlink() {
            true => Some(fs::read_link(path)?),
            false => None,
        };
        self.known.insert(path.to_owned(), target.clone());
        Ok(target)
    }
}

/// A path's parts, the last one first.
pub(super) fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().map(|part| part.as_os_str().to_owned());
    parts.rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::scratch::Scratch;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_as_the_kernel_does() {
        let scratch = Scratch::new("links");
        scratch.write("a/b/x.json", "{}");
        scratch.link("b", "a/c");
        scratch.link("../a/./c/x.json", "a/up.json");
        scratch.link(scratch.path("a"), "whole");
        for path in [
            "a/b/x.json",
            "a/c/x.json",
            "a/up.json",
            "whole/c/../up.json",
        ] {
            let path = scratch.path(path);
            let reached = Links::default().follow(&path).expect("reached");
            assert_eq!(reached, path.canonicalize().expect("reached"));
        }
        scratch.link("nowhere", "dangling");
        scratch.link("loop", "loop");
        let error = |path| {
            Links::default()
                .follow(&scratch.path(path))
                .expect_err("error")
        };
        assert_eq!(error("dangling").kind(), io::ErrorKind::NotFound);
        assert_eq!(error("a/b/x.json/y").kind(), io::ErrorKind::NotADirectory);
        let kernel = fs::metadata(scratch.path("loop")).expect_err("a loop");
        assert_eq!(error("loop").raw_os_error(), kernel.raw_os_error());
    }

    #[test]
    fn what_a_link_said_first_is_what_it_says() {
        let scratch = Scratch::new("swapped");
        scratch.write("old/x.json", "");
        scratch.write("old/y.json", "");
        scratch.link("old", "..data");
        let mut links = Links::default();
        let x = links.follow(&scratch.path("..data/x.json")).expect("x");
        assert_eq!(x, scratch.path("old/x.json"));
        fs::remove_file(scratch.path("..data")).expect("removed");
        symlink("new", scratch.path("..data")).expect("swapped");
        let y = links.follow(&scratch.path("..data/y.json")).expect("y");
        assert_eq!(y, scratch.path("old/y.json"));
    }
}
