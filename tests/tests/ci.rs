//! From a push to every environment, on a real git host with a real CI runner on this machine.
//!
//! The host's programs are built by `cargo xtask setup`, which needs Go. Where they are not on PATH
//! these tests say so and do nothing, unless `OCUROOT_TEST_CI` is `required`.
#![expect(clippy::panic, reason = "a test that cannot go on fails")]

use ocuroot_tests::Outcome;
use ocuroot_tests::githost::{Host, scenario, shared};

fn play(scenario: impl FnOnce(&Host) -> Outcome) {
    if let Err(error) = shared::play(scenario) {
        panic!("{error}");
    }
}

#[test]
fn a_first_push_is_deployed_to_three_environments() {
    play(scenario::first_push);
}

#[test]
fn a_pull_request_adds_an_environment_and_another_takes_it_away() {
    play(scenario::environment_by_pull_request);
}

#[test]
fn an_approval_by_pull_request_lets_a_release_go_on_at_its_commit() {
    play(scenario::approval_by_pull_request);
}

#[test]
fn a_release_makes_another_repos_workflow_deploy_again() {
    play(scenario::another_repo);
}

#[test]
fn of_two_pushes_at_once_nothing_is_lost_and_the_newer_is_live() {
    play(scenario::two_pushes);
}

#[test]
fn what_a_dead_runner_was_doing_is_done_by_the_next_job() {
    play(scenario::killed_runner);
}

#[test]
fn a_mistake_in_a_release_file_fails_the_job_at_its_line() {
    play(scenario::broken_file);
}

#[test]
fn a_trigger_without_the_right_says_so_and_the_rest_goes_on() {
    play(scenario::weak_token);
}
