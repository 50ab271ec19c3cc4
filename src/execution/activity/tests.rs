use super::*;

fn call(activity: &Activity, meter: &Arc<Meter>, outcome: Outcome) {
    activity.watch(meter).answered(outcome);
}

#[test]
fn each_request_counts_once_however_it_ends() {
    let (activity, meter) = (Activity::default(), Arc::default());
    activity.watch(&meter).refused();
    assert_eq!(activity.counts(), Counts::default());
    call(&activity, &meter, Outcome { origin: Some(Origin::Cold), ..Outcome::default() });
    call(&activity, &meter, Outcome { origin: Some(Origin::Spare), ..Outcome::default() });
    call(&activity, &meter, Outcome { origin: Some(Origin::Warm), ..Outcome::default() });
    call(&activity, &meter, Outcome { error: true, timeout: true, origin: None });
    drop(activity.watch(&meter));

    let counts = activity.counts();
    assert_eq!((counts.requests(), counts.successes), (5, 4));
    assert_eq!((counts.errors, counts.timeouts), (1, 1));
    assert_eq!((counts.cold_starts, counts.spare_starts), (1, 1));
    assert_eq!(counts.latency.count(), 4);
    assert!(counts.last_request.is_some());
    let minutes = activity.minutes();
    assert_eq!(minutes.len(), MINUTES);
    let sum = |of: fn(&MinuteCounts) -> u64| minutes.iter().map(of).sum::<u64>();
    assert_eq!(sum(|minute| minute.requests), 5);
    assert_eq!(sum(|minute| minute.errors), 1);
    assert_eq!(sum(|minute| minute.cold_starts), 2);
}

#[test]
fn a_minute_is_empty_again_when_its_place_comes_round() {
    let called = Called::new(&Arc::default());
    let hour = Duration::from_hours(1);
    let first = called.minute(hour);
    first.errors.fetch_add(3, Ordering::Relaxed);
    first.latency.record_in(Bucket::of(Duration::from_millis(1)));
    assert_eq!(called.minute(hour + Duration::from_secs(59)).errors.load(Ordering::Relaxed), 3);
    let later = called.minute(hour * 2);
    assert_eq!(later.errors.load(Ordering::Relaxed), 0);
    assert_eq!(later.latency.read().count(), 0);
}

#[test]
fn beyond_so_many_functions_the_others_count_together_until_a_place_is_free() {
    let meter = Arc::default();
    let mut functions: Vec<_> =
        std::iter::repeat_with(Activity::default).take(MAX_SERIES + 2).collect();
    for function in &functions {
        call(function, &meter, Outcome::default());
    }
    let own = functions.iter().filter(|function| function.has_series()).count();
    assert_eq!(own, MAX_SERIES);
    assert_eq!(meter.shared().requests(), 2);

    functions.remove(0);
    let newcomer = Activity::default();
    call(&newcomer, &meter, Outcome::default());
    assert!(newcomer.has_series());
    // What was counted together only grows.
    functions.clear();
    assert_eq!(meter.shared().requests(), 2);
}
