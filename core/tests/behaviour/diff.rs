//! Intent against state: what differs (work.md, the table).

use ocuroot_core::intent;

use crate::fixture::{ask, facts};

fn diff(fixture: &str) -> String {
    ask(fixture, |snapshot| {
        let all = intent::diff(snapshot)?;
        let line =
            |difference: &intent::Difference| format!("{:?} {}", difference.change, difference.reference);
        Ok(all.iter().map(line).collect::<Vec<_>>().join("; "))
    })
}

#[test]
fn custom_state_and_environments_compare_by_body() {
    for (fixture, expected) in [
        ("", ""),
        ("+/custom/a = 1", "Create @/custom/a"),
        ("@/custom/a = 1", "Delete @/custom/a"),
        ("+/custom/a = 1\n@/custom/a = 2", "Update @/custom/a"),
        ("+/custom/a = 1\n@/custom/a = 1", ""),
        ("+/custom/a = {\"x\":[1,2],\"y\":3}\n@/custom/a = {\"y\":3,\"x\":[1,2]}", ""),
        ("+/custom/a/b/c = 1", "Create @/custom/a/b/c"),
        ("s/-/p/+/custom/a = 1", "Create s/-/p/@/custom/a"),
        ("s/-/p/+r1/custom/a = 1\ns/-/p/@r1 = release c: x", "Create s/-/p/@r1/custom/a"),
        ("s/-/p/@r1/custom/a/b = 1", "Delete s/-/p/@r1/custom/a/b"),
        ("+/environment/prod = {\"name\":\"prod\",\"attributes\":{}}", "Create @/environment/prod"),
        ("@/environment/prod = {\"name\":\"prod\",\"attributes\":{}}", "Delete @/environment/prod"),
        (
            "+/environment/prod = {\"name\":\"prod\",\"attributes\":{\"a\":\"b\"}}\n@/environment/prod = {\"name\":\"prod\"}",
            "Update @/environment/prod",
        ),
        // Sorted by ref.
        (
            "+/custom/b = 1\n+/environment/a = {\"name\":\"a\"}\n@/custom/a = 1",
            "Delete @/custom/a; Create @/custom/b; Create @/environment/a",
        ),
    ] {
        assert_eq!(diff(fixture), expected, "{fixture}");
    }
}

#[test]
fn absent_and_null_attributes_are_none() {
    let bodies =
        ["{\"name\":\"p\"}", "{\"name\":\"p\",\"attributes\":null}", "{\"name\":\"p\",\"attributes\":{}}"];
    for one in bodies {
        for other in bodies {
            assert_eq!(
                diff(&format!("+/environment/p = {one}\n@/environment/p = {other}")),
                "",
                "{one} {other}"
            );
        }
    }
}

#[test]
fn a_release_by_tag_and_by_number_is_the_same() {
    let release = "s/-/p/@r1 = release c: x\ns/-/p/@v1 -> s/-/p/@r1\n";
    for (rest, expected) in [
        ("s/-/p/+v1/custom/a = 1\ns/-/p/@r1/custom/a = 1", ""),
        ("s/-/p/+r1/custom/a = 1\ns/-/p/@r1/custom/a = 1", ""),
        ("s/-/p/+1/custom/a = 1\ns/-/p/@r1/custom/a = 1", ""),
        // As intent spells it.
        ("s/-/p/+v1/custom/a = 1\ns/-/p/@r1/custom/a = 2", "Update s/-/p/@v1/custom/a"),
        ("s/-/p/+v1/custom/a = 1", "Create s/-/p/@v1/custom/a"),
        (
            "s/-/p/+v2/custom/a = 1\ns/-/p/@r1/custom/a = 1",
            "Delete s/-/p/@r1/custom/a; Create s/-/p/@v2/custom/a",
        ),
        (
            "s/-/p/+/deploy/prod = v1\ns/-/p/@r1/deploy/prod = up 1\ns/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod",
            "",
        ),
    ] {
        assert_eq!(diff(&format!("{release}{rest}")), expected, "{rest}");
    }
}

#[test]
fn deployments_compare_release_and_inputs_with_the_current_task() {
    let deployed = "
        s/-/p/@r1 = release c: >prod(a<-@/custom/a)
        s/-/p/@r2 = release d: >prod(a<-@/custom/a)
        s/-/p/@r1/deploy/prod/1 = complete up(a<-@/custom/a=1)
        s/-/p/@r1/deploy/prod = up 1(a<-@/custom/a=1)
        s/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod
        @/custom/a = 1
        +/custom/a = 1
        ";
    for (intent, expected) in [
        ("s/-/p/+/deploy/prod = r1(a<-@/custom/a=1)", ""),
        ("", "Delete s/-/p/@/deploy/prod"),
        ("s/-/p/+/deploy/prod = r2(a<-@/custom/a=1)", "Update s/-/p/@/deploy/prod"),
        ("s/-/p/+/deploy/prod = r1(a<-@/custom/a=2)", "Update s/-/p/@/deploy/prod"),
        ("s/-/p/+/deploy/prod = r1(a=1)", "Update s/-/p/@/deploy/prod"),
        ("s/-/p/+/deploy/prod = r1(a<-@/custom/a=1, b=1)", "Update s/-/p/@/deploy/prod"),
        ("s/-/p/+/deploy/prod = r1(a<-@/custom/a=1)\ns/-/p/+/deploy/qa = r1", "Create s/-/p/@/deploy/qa"),
        // No inputs: those of the package, which are the deployed ones.
        ("s/-/p/+/deploy/prod = r1", ""),
        ("s/-/p/+/deploy/prod = r2", "Update s/-/p/@/deploy/prod"),
    ] {
        assert_eq!(diff(&format!("{deployed}\n{intent}")), expected, "{intent}");
    }
}

#[test]
fn a_task_that_took_a_deployment_down_is_no_deployment() {
    assert_eq!(diff("s/-/p/@r1/deploy/prod = down 2\ns/-/p/@r1/deploy/prod/2 = complete down"), "");
}

#[test]
fn intent_that_cannot_be_read_differs_and_is_not_acted_on() {
    let deployed = "s/-/p/@r1/deploy/prod = up 1\ns/-/p/@/deploy/prod -> s/-/p/@r1/deploy/prod";
    for (fixture, expected) in [
        ("+/custom/a !{\n@/custom/a = 1".to_owned(), "Update @/custom/a"),
        (format!("s/-/p/+/deploy/prod !{{\n{deployed}"), "Update s/-/p/@/deploy/prod"),
        // State that cannot be read is for `state check`.
        ("+/custom/a = 1\n@/custom/a !{".to_owned(), ""),
    ] {
        assert_eq!(diff(&fixture), expected, "{fixture}");
        let plan =
            ask(&fixture, |s| ocuroot_core::plan::plan(s, &ocuroot_core::plan::Scope::Everything, &facts()));
        assert!(plan.is_empty(), "{plan:?}");
        assert_eq!(plan.left_out.len(), usize::from(!expected.is_empty()));
    }
}
