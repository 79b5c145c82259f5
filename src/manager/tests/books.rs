//! What is reported and booked of each attempt.

use super::*;
use crate::manager::AttemptOutcome;

/// The outcome and the tokens of every attempt, as the observer hears of them.
type Reports = Arc<Mutex<Vec<(AttemptOutcome, u64, u64)>>>;

fn kept_in_books(services: &[&Scripted]) -> (ProviderManager, UsageLedger, Reports) {
    let (ledger, reports) = (UsageLedger::new(), Reports::default());
    let heard = reports.clone();
    let manager = build(services, |config| {
        config.ledger(ledger.clone()).on_attempt(move |report| {
            let (input, output) = (report.usage.input_tokens, report.usage.output_tokens);
            heard.lock().unwrap().push((report.outcome, input, output));
        })
    });
    (manager, ledger, reports)
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_before_a_failed_first_token_is_kept() {
    let a = Scripted::new("a", [vec![Count(5, 1), status(400)]]);
    let b = Scripted::new("b", []);
    let (manager, ledger, reports) = kept_in_books(&[&a, &b]);
    let refused = manager.chat(hi()).await;
    assert!(refused.is_err(), "a 400 goes nowhere else");
    assert_eq!(*reports.lock().unwrap(), [(AttemptOutcome::Error, 5, 1)]);
    let sums = ledger.total();
    assert_eq!((sums.requests, sums.failed, sums.tokens.total()), (1, 1, 6));
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_booked_once_under_the_managers_name() {
    let a = Scripted::new("a", [vec![Count(5, 0), fail(ErrorKind::Interrupted)], vec![status(401)]]);
    let b = Scripted::new("b", [vec![Say("hello"), Count(10, 2)]]);
    let (manager, ledger, reports) = kept_in_books(&[&a, &b]);
    manager.chat(hi()).await.unwrap();
    let outcomes: Vec<_> = reports.lock().unwrap().iter().map(|(outcome, ..)| *outcome).collect();
    assert_eq!(outcomes, [AttemptOutcome::Error, AttemptOutcome::Error, AttemptOutcome::Answer]);
    let by_provider = ledger.by(|account| account.provider.to_string());
    let of =
        |name: &str| (by_provider[name].requests, by_provider[name].failed, by_provider[name].tokens.total());
    assert_eq!((of("a"), of("b")), ((2, 2, 5), (1, 0, 12)));
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_first_token_counts_when_time_runs_out() {
    let slow = Scripted::new("a", [vec![Count(7, 0), Hang]]);
    let (manager, ledger, reports) = kept_in_books(&[&slow]);
    manager.replace(slow.config().first_token_timeout(Some(SECOND)));
    assert_eq!(manager.chat(hi()).await.unwrap().text, "hello", "the second try answers");
    assert_eq!(reports.lock().unwrap()[0], (AttemptOutcome::Error, 7, 0));
    assert_eq!((ledger.total().requests, ledger.total().tokens.total()), (2, 19));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_is_booked_with_what_it_used() {
    let service = Scripted::new("a", [vec![Count(7, 0), Say("Hello, you"), Hang]]);
    let (manager, ledger, reports) = kept_in_books(&[&service]);
    drop(manager.chat_stream(hi()).await.unwrap());
    assert_eq!(reports.lock().unwrap()[0], (AttemptOutcome::Dropped, 7, 0));
    let sums = ledger.total();
    assert_eq!((sums.requests, sums.dropped, sums.guessed), (1, 1, 1), "the answer's tokens are a guess");
    assert_eq!(sums.tokens.total(), 7 + 3);
}

#[tokio::test(start_paused = true)]
async fn completions_are_booked_by_their_length() {
    let service = Scripted::new("a", []);
    let (manager, ledger, _) = kept_in_books(&[&service]);
    manager.complete(CompletionRequest::new("Say hello.")).await.unwrap();
    let sums = ledger.total();
    assert_eq!((sums.requests, sums.guessed), (1, 1));
    assert!(sums.tokens.total() > 0);
}
