//! Ids that several have, that belong to a service of the API's, or that nobody has.

use std::collections::HashMap;
use std::path::Path;

use super::Judged;
use super::document::Item;
use super::finding::{Effect, Findings};

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    let mut services = Ids::new("service");
    let mut checks = Ids::new("check");
    let mut later = Vec::new();
    for document in judged.documents {
        for service in document.items("service", "services") {
            let id = service.text("id").or(service.text("name"));
            for check in service.items("check", "checks") {
                // Without one of its own it gets one by its service.
                if let Some(id) = check.text("id") {
                    checks.add(id, &check, findings);
                }
            }
            let Some(id) = id else { continue };
            if let Some(connect) = service.object("connect")
                && let Some(sidecar) = connect.object("sidecar_service")
            {
                services.add(format!("{id}-sidecar-proxy"), &sidecar, findings);
            }
            let registered = judged.candidate.registered.unwrap_or_default();
            if registered.contains(&id) {
                let key = if service.text("id").is_some() {
                    "id"
                } else {
                    "name"
                };
                let key = service.key(key);
                let what = format!(
                    "a service with the id {id:?} was registered through the API; this one replaces it, and when it goes that one is lost for good"
                );
                let fix = "give this one another id, or deregister that one";
                findings.add(Effect::Replaces, (service.file, &key), what, fix);
            }
            services.add(id, &service, findings);
        }
        for check in document.items("check", "checks") {
            if let Some(id) = check.text("id").or(check.text("name")) {
                checks.add(id, &check, findings);
            }
            if let Some(id) = check.text("service_id") {
                later.push((id, check));
            }
        }
    }
    for (id, check) in later {
        unknown_service(judged, &services, &id, &check, findings);
    }
}

fn unknown_service(
    judged: &Judged<'_>,
    services: &Ids<'_>,
    id: &str,
    check: &Item<'_>,
    findings: &mut Findings,
) {
    let key = check.key("service_id");
    match judged.candidate.registered {
        _ if services.known.contains_key(id) => {}
        Some(registered) if registered.iter().any(|other| other == id) => {
            let what = format!(
                "the service {id:?} was registered through the API; once it is deregistered, no reload and no start succeeds"
            );
            let fix = "register the check with it, through the API";
            findings.add(Effect::Odd, (check.file, &key), what, fix);
        }
        Some(_) => {
            let what = format!("there is no service with the id {id:?}");
            let fix = "name one, or take the check out";
            findings.add_missing(Effect::Incomplete, (check.file, &key), what, fix);
        }
        None => {
            let what = format!(
                "no file has a service with the id {id:?}; unless the API has, the reload fails"
            );
            findings.add(
                Effect::Odd,
                (check.file, &key),
                what,
                "name one, or take the check out",
            );
        }
    }
}

struct Ids<'a> {
    kind: &'static str,
    known: HashMap<String, (&'a Path, String)>,
}

impl<'a> Ids<'a> {
    fn new(kind: &'static str) -> Self {
        let known = HashMap::new();
        Self { kind, known }
    }

    fn add(&mut self, id: String, item: &Item<'a>, findings: &mut Findings) {
        let place = (item.file, item.at.clone());
        if let Some((file, at)) = self.known.insert(id.clone(), place) {
            let kind = self.kind;
            let what = format!(
                "the {kind} {} of {} has the id {id:?} too and comes later, so this one is not there",
                item.at,
                item.file.display()
            );
            findings.add(
                Effect::Odd,
                (file, &at),
                what,
                "give one of them another id",
            );
        }
    }
}
