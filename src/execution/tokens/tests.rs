use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn name(text: &str) -> FunctionName {
    text.parse().unwrap()
}

fn admits(tokens: &Tokens, function: &str, authorization: &str) -> bool {
    let value = authorization.parse().unwrap();
    tokens.admit(function, &HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

#[test]
fn a_token_lets_in_to_its_own_function_until_it_is_revoked() {
    let data = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(data.path());
    let (info, text) = tokens.make(&name("hello"), Some("ci".into())).unwrap();
    let (_, other) = tokens.make(&name("hello"), None).unwrap();
    assert!(text.len() > 40 && text != other && text.starts_with(&info.prefix));
    assert_eq!(info.prefix.len(), 9);

    let bearer = format!("Bearer {text}");
    assert!(admits(&tokens, "hello", &bearer));
    assert!(admits(&tokens, "hello", &format!("bearer   {text}")));
    assert!(!admits(&tokens, "other", &bearer));
    for wrong in [&text, &format!("Basic {text}"), "Bearer", "Bearer ", &bearer[..20]] {
        assert!(!admits(&tokens, "hello", wrong), "{wrong}");
    }
    assert!(!tokens.admit("hello", &HeaderMap::new()));

    tokens.revoke(&name("hello"), &info.id).unwrap();
    assert!(!admits(&tokens, "hello", &bearer));
    assert!(admits(&tokens, "hello", &format!("Bearer {other}")));
    let again = tokens.revoke(&name("hello"), &info.id).unwrap_err();
    assert!(matches!(*again, TokensError::Unknown(_)));
}

#[test]
fn what_is_kept_of_a_token_lets_nobody_in_and_lasts() {
    let data = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(data.path());
    let (info, text) = tokens.make(&name("ada/hello"), None).unwrap();
    assert!(admits(&tokens, "ada/hello", &format!("Bearer {text}")));
    tokens.flush();

    let kept = fs::read_to_string(data.path().join(FILE)).unwrap();
    assert!(!kept.contains(&text[9..]), "{kept}");
    let mode = fs::metadata(data.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let tokens = Tokens::open(data.path());
    assert!(admits(&tokens, "ada/hello", &format!("Bearer {text}")));
    let listed = tokens.list(&name("ada/hello")).unwrap();
    assert!(listed[0].last_used_at.is_some() && info.last_used_at.is_none());
    assert_eq!(listed[0].id, info.id);
}

#[test]
fn tokens_outlive_their_function_for_a_while_and_no_longer() {
    let data = tempfile::tempdir().unwrap();
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let (_, text) = Tokens::open(data.path()).make(&name("hello"), None).unwrap();
    let bearer = format!("Bearer {text}");
    for (away, lasts) in [(GRACE, true), (GRACE + Duration::from_secs(1), false)] {
        let tokens = Tokens::open(data.path());
        tokens.reconcile(|_| false, begin);
        // Another function changes meanwhile.
        tokens.reconcile(|_| false, begin + Duration::from_mins(1));
        tokens.flush();
        // As does a restart.
        let tokens = Tokens::open(data.path());
        tokens.reconcile(|_| true, begin + away);
        assert_eq!(admits(&tokens, "hello", &bearer), lasts, "after {away:?}");
        tokens.flush();
        assert_eq!(admits(&Tokens::open(data.path()), "hello", &bearer), lasts);
    }
}

#[test]
fn a_damaged_file_lets_nobody_in_and_stays_as_it_is() {
    let data = tempfile::tempdir().unwrap();
    let (_, text) = Tokens::open(data.path()).make(&name("hello"), None).unwrap();
    let file = data.path().join(FILE);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();

    let tokens = Tokens::open(data.path());
    assert!(!admits(&tokens, "hello", &format!("Bearer {text}")));
    let told = tokens.make(&name("hello"), None).unwrap_err().to_string();
    assert!(told.contains("is damaged"), "{told}");
    tokens.reconcile(|_| false, Timestamp::now());
    tokens.flush();
    assert_eq!(fs::read(&file).unwrap(), &whole[..whole.len() / 2]);
}

#[test]
fn labels_are_short_lines_and_tokens_are_few() {
    let data = tempfile::tempdir().unwrap();
    let tokens = Tokens::open(data.path());
    for label in ["a\nb".to_owned(), "x".repeat(MAX_LABEL + 1)] {
        let refused = tokens.make(&name("hello"), Some(label)).unwrap_err();
        assert!(matches!(*refused, TokensError::Label));
    }
    for _ in 0..MOST {
        tokens.make(&name("hello"), None).unwrap();
    }
    let refused = tokens.make(&name("hello"), None).unwrap_err();
    assert!(matches!(*refused, TokensError::TooMany));
    tokens.make(&name("other"), None).unwrap();
}
