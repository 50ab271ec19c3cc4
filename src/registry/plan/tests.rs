use super::*;

const PATIENCE: Patience = Patience {
    settle: Duration::from_millis(250),
    before_failure: Duration::from_secs(2),
    with_unrest: Duration::from_secs(30),
};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn print(text: &str) -> Fingerprint {
    text.to_owned().into()
}

/// A folder with this fingerprint whose changes lasted from one time to
/// another, and which was then looked at.
fn seen(text: &str, restless: Instant, quiet: Instant, looked: Instant) -> Observation {
    Observation {
        fingerprint: print(text),
        looked_at: looked,
        quiet_since: quiet,
        restless_since: restless,
    }
}

#[test]
fn each_standing_has_its_one_next_step() {
    let start = Instant::now();
    let at = |millis| start + ms(millis);
    let changed = |looked| seen("b", start, start, at(looked));
    let restless = seen("b", start, at(29_900), at(30_000));
    let (a, b) = (print("a"), print("b"));
    let none = Attempt::None;
    let cases = [
        ("nothing anywhere", Err((start, start)), None, none, Step::Nothing),
        ("just gone", Err((start, at(10))), Some(&a), none, Step::LookAt(at(250))),
        ("gone for good", Err((start, at(250))), Some(&a), none, Step::Remove),
        ("unchanged", Ok(changed(0)), Some(&b), none, Step::Nothing),
        ("new", Ok(changed(10)), None, none, Step::LookAt(at(250))),
        ("changed", Ok(changed(10)), Some(&a), none, Step::LookAt(at(250))),
        ("new and quiet", Ok(changed(250)), None, none, Step::Build),
        ("changed and quiet", Ok(changed(250)), Some(&a), none, Step::Build),
        ("failed early", Ok(changed(300)), Some(&a), Attempt::Failed(&b), Step::LookAt(at(2000))),
        ("failed for good", Ok(changed(2000)), Some(&a), Attempt::Failed(&b), Step::TellFailure),
        ("mended since", Ok(changed(300)), Some(&a), Attempt::Failed(&a), Step::Build),
        ("never quiet", Ok(restless.clone()), Some(&a), none, Step::TellUnrest),
        ("unrest is told", Ok(restless), Some(&a), Attempt::UnrestTold, Step::LookAt(at(30_150))),
        ("quiet after unrest", Ok(changed(250)), Some(&a), Attempt::UnrestTold, Step::Build),
    ];
    for (name, source, published, attempt, expected) in &cases {
        let source = source.as_ref().map_err(|gone| *gone);
        let standing = Standing { source, published: *published, attempt: *attempt };
        assert_eq!(standing.next(&PATIENCE), *expected, "{name}");
        assert_eq!(standing.next(&PATIENCE), *expected, "{name}, asked again");
    }
}

#[test]
fn an_old_folder_that_is_seen_for_the_first_time_is_quiet() {
    let now = Instant::now() + OLD;
    let first = Observation::after(None, &Look::fake("a", ms(5000)), PATIENCE.settle, now);
    let standing = Standing { source: Ok(&first), published: None, attempt: Attempt::None };
    assert_eq!(standing.next(&PATIENCE), Step::Build);
}

#[test]
fn a_fresh_folder_waits_for_the_rest_of_its_quiet_time_only() {
    let now = Instant::now() + OLD;
    let first = Observation::after(None, &Look::fake("a", ms(100)), PATIENCE.settle, now);
    let standing = Standing { source: Ok(&first), published: None, attempt: Attempt::None };
    assert_eq!(standing.next(&PATIENCE), Step::LookAt(now + ms(150)));
}

#[test]
fn a_change_is_never_older_than_the_look_that_did_not_see_it() {
    let start = Instant::now() + OLD;
    let first = Observation::after(None, &Look::fake("a", ms(0)), PATIENCE.settle, start);
    let wrong_clock = Look::fake("b", Duration::from_secs(5000));
    let second = Observation::after(Some(&first), &wrong_clock, PATIENCE.settle, start + ms(40));
    assert_eq!(second.quiet_since, start);
}

#[test]
fn a_look_that_sees_no_change_leaves_the_quiet_time_alone() {
    let start = Instant::now() + OLD;
    let first = Observation::after(None, &Look::fake("a", ms(0)), PATIENCE.settle, start);
    let second =
        Observation::after(Some(&first), &Look::fake("a", ms(0)), PATIENCE.settle, start + ms(300));
    assert_eq!(second.quiet_since, start);
    assert_eq!(second.looked_at, start + ms(300));
}

#[test]
fn changes_without_a_pause_are_one_spell_and_a_pause_ends_it() {
    let start = Instant::now() + OLD;
    let mut seen = Observation::after(None, &Look::fake("0", ms(0)), PATIENCE.settle, start);
    for step in 1..=20 {
        let look = Look::fake(&step.to_string(), ms(0));
        seen = Observation::after(Some(&seen), &look, PATIENCE.settle, start + ms(step * 200));
        assert_eq!(seen.restless_since, start);
    }
    let later = start + ms(20 * 200 + 400);
    seen = Observation::after(Some(&seen), &Look::fake("x", ms(0)), PATIENCE.settle, later);
    assert_eq!(seen.restless_since, later);
}
