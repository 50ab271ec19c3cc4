//! What a function must not be able to do, one test for each thing.
//!
//! - [`permissions`]: with every layer in force, what an author meets
//! - [`layers`]: each layer alone, against native code in its process
//! - [`machine`]: which layers can be had here, and by whom
//! - [`suite`]: the hostile functions in `tests/specs/security`

mod layers;
mod machine;
mod permissions;
mod suite;

use serde_json::Value;

use crate::harness::TestBed;

/// Runs what it is sent, and tells what came of it. Whoever may deploy a
/// function may run any code, so nothing weaker should be tested.
const ATTEMPT: &str = r"
    export default async (request: Request) => {
      const code = await request.text();
      try {
        const attempt = new Function(`return (async () => { ${code} })()`);
        return { value: (await attempt()) ?? null };
      } catch (error) {
        return { error: `${error.name}: ${error.message}` };
      }
    };
";

async fn attempt(bed: &TestBed, function: &str, code: &str) -> Value {
    bed.post(&format!("/{function}"), code.to_owned()).await.ok().json()
}
