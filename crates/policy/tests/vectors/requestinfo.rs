//! What a request line asks for.

use auditward_policy::RequestInfo;

#[test]
fn requestinfo() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for case in crate::lines("requestinfo.jsonl.gz") {
        cases += 1;
        let text = |field: &str| case[field].as_str().unwrap();
        let ours = RequestInfo::resolve(text("method"), text("uri"));
        let agrees = match &ours {
            Err(error) => case["error"].as_str() == Some(error.to_string().as_str()),
            Ok(info) => {
                let theirs = &case["info"];
                let same = |field: &str, ours: &str| theirs[field].as_str() == Some(ours);
                theirs["isResourceRequest"].as_bool() == Some(info.is_resource_request())
                    && same("path", &info.path)
                    && same("verb", &info.verb)
                    && same("apiGroup", info.group())
                    && same("apiVersion", info.version())
                    && same("namespace", info.namespace())
                    && same("resource", info.resource())
                    && same("subresource", info.subresource())
                    && same("name", info.name())
            }
        };
        if !agrees {
            wrong.push(format!("{case}\n  ours {ours:?}"));
        }
    }
    crate::verdict("request lines", cases, &wrong);
}
