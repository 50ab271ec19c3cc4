//! Functions that many tests call, each with one thing to tell.

use serde::Deserialize;

use crate::harness::Response;

/// Tells which process answers. Its `id` is another one in every process.
pub(crate) const IDENTITY: &str = r#"
    const id = crypto.randomUUID();
    console.log("up", id);
    export default () => ({ id, pid: Number(Deno.args[0].split('/i').pop()) });
"#;

/// Does the same, and holds a POST for as long as its body goes on, after it
/// has printed how many it holds.
pub(crate) const HOLDING: &str = r#"
    const id = crypto.randomUUID();
    let held = 0;
    export default async (request: Request) => {
      if (request.method === "POST") {
        console.log(`holds ${++held}`);
        await request.text();
        held--;
      }
      return { id, pid: Number(Deno.args[0].split('/i').pop()) };
    };
"#;

/// Gives back what it is sent, while it is sent.
pub(crate) const ECHO: &str = r#"
    export default (request: Request) =>
      new Response(request.body, { headers: { "content-type": "application/octet-stream" } });
"#;

/// Gives back the headers that it was sent.
pub(crate) const HEADERS: &str = r"
    export default (request: Request) => Object.fromEntries(request.headers);
";

/// What [`IDENTITY`] and [`HOLDING`] answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) pid: u32,
}

/// Who answered.
#[track_caller]
pub(crate) fn identity(response: Response) -> Identity {
    serde_json::from_value(response.ok().json()).expect("an identity")
}
