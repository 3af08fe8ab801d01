//! Service definitions that Consul refuses when everything is unloaded already: every service after them is lost.

use serde_json::Value;

use super::Judged;
use super::document::{Item, duration};
use super::finding::{Effect, Findings};

pub(super) fn judge(judged: &Judged<'_>, findings: &mut Findings) {
    for document in judged.documents {
        // Two blocks of HCL make a list, which a single definition must not be.
        for key in ["service", "check"] {
            let found = super::document::find(&document.members, key);
            if let Some((name, Value::Array(list))) = found
                && list.len() > 1
            {
                let what = format!("there are {} of it, and it is for one", list.len());
                let fix = format!("call each {key}s");
                findings.add(Effect::Refused, (document.path, name), what, fix);
            }
        }
        for service in document.items("service", "services") {
            judge_one(&service, findings);
        }
    }
}

fn judge_one(service: &Item<'_>, findings: &mut Findings) {
    if service.text("name").is_none() {
        let what = "the service has no name";
        let fix = "give it one; an id alone is not enough";
        findings.add(
            Effect::Loses,
            (service.file, &service.key("name")),
            what,
            fix,
        );
    }
    if let Some(address) = service.text("address")
        && address.contains("{{")
    {
        let what = "a template is registered as it stands";
        let fix = "write an address, or nothing for the agent's own";
        findings.add(
            Effect::Odd,
            (service.file, &service.key("address")),
            what,
            fix,
        );
    }
    for check in service.items("check", "checks") {
        if let Some(after) = check.text("deregister_critical_service_after")
            && duration(&after).is_some_and(|after| after > 0.0 && after < 60e9)
        {
            let key = check.key("deregister_critical_service_after");
            let what = "Consul makes this a minute, the least there is";
            findings.add(Effect::Odd, (check.file, &key), what, "write 1m or more");
        }
    }
}
