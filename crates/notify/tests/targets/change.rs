//! Other targets while the old ones are at work.

use std::fs;
use std::time::Duration;

use auditward_notify::{Notifier, StartError, Status, Stopped};
use serde_json::{Value, json};

use crate::support::{Alerts, Does, Folder, Server, ok, start, targets, until};

fn hook(server: &Server, timeout: &str) -> Value {
    json!({ "webhook": { "url": server.url("/"), "http": { "timeout": timeout } }, "retry": { "first": "5ms", "longest": "20ms" } })
}

/// The status of a target, as soon as it is as wanted.
#[track_caller]
fn status(notifier: &Notifier, name: &str, wanted: impl Fn(&Status) -> bool) -> Status {
    let all = || notifier.status().into_iter().find(|status| status.target == name);
    until(|| all().filter(&wanted)).unwrap_or_else(|| panic!("{name}: {:?}", notifier.status()))
}

#[test]
fn none_waits_for_the_answer_that_another_waits_for() {
    let (folder, feed) = (Folder::new("change"), Alerts::new());
    let (slow, old, new) = (Server::new([Does::Hang]), Server::new([ok()]), Server::new([ok()]));
    let config = json!({ "a-slow": hook(&slow, "1s"), "b-quick": hook(&old, "1s") });
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    slow.wait(1);
    status(&notifier, "b-quick", |status| status.sent == 1);

    let config = json!({ "a-slow": hook(&new, "1s"), "b-quick": hook(&new, "1s") });
    notifier.change(targets(config)).unwrap();
    feed.add(1);
    notifier.wake();
    // The quick one is told at once, and goes on counting; the slow one once it has given up its answer.
    status(&notifier, "b-quick", |status| status.sent == 2);
    assert_eq!(status(&notifier, "a-slow", |status| status.sent == 2).failed, 1);
    assert_eq!(old.seen().len(), 1);
    assert_eq!(notifier.stop(Duration::from_secs(10)), Stopped::Cleanly);
}

#[test]
fn one_that_was_taken_out_goes_on_where_it_was_when_it_is_put_back() {
    let (folder, feed, server) = (Folder::new("back"), Alerts::new(), Server::new([ok()]));
    let config = json!({ "hook": hook(&server, "1s") });
    let notifier = start(folder.path(), config.clone(), &feed);
    feed.add(1);
    notifier.wake();
    status(&notifier, "hook", |status| status.sent == 1);
    notifier.change(targets(json!({}))).unwrap();
    assert_eq!(notifier.status(), []);
    feed.add(1);
    notifier.wake();
    notifier.change(targets(config)).unwrap();
    assert_eq!(server.wait(2).len(), 2);
    status(&notifier, "hook", |status| status.read == 2 && status.queued == 0);
}

#[test]
fn what_is_in_the_way_changes_nothing_or_is_waited_for() {
    let (folder, feed, server) = (Folder::new("blocked"), Alerts::new(), Server::new([ok()]));
    // Where a target's queue should be, something else is.
    let path = |name: &str| folder.path().join(format!("{name}.json"));
    let notifier = start(folder.path(), json!({ "old": hook(&server, "1s") }), &feed);
    fs::create_dir(path("new")).unwrap();
    let both = json!({ "old": hook(&server, "2s"), "new": hook(&server, "1s") });
    let refused = notifier.change(targets(both.clone())).unwrap_err();
    assert!(matches!(refused, StartError::Queue { target, .. } if target == "new"));
    assert_eq!(notifier.status().len(), 1);
    feed.add(1);
    notifier.wake();
    status(&notifier, "old", |status| status.sent == 1);

    fs::remove_dir(path("new")).unwrap();
    fs::remove_file(path("old")).unwrap();
    fs::create_dir(path("old")).unwrap();
    notifier.change(targets(both)).unwrap();
    status(&notifier, "old", |status| {
        let why = status.last_error.as_ref().map_or("", |error| &error.what);
        why.contains("could not take up the queue of the target `old`")
    });
    feed.add(1);
    notifier.wake();
    status(&notifier, "new", |status| status.sent == 1);

    fs::remove_dir(path("old")).unwrap();
    notifier.wake();
    assert_eq!(
        status(&notifier, "old", |status| status.read == 2).queued,
        0,
        "without its queue it begins anew"
    );
}
