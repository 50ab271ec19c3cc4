# The same answer from workerd. What stands between @ is filled in.
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "hello", worker = .hello)],
  sockets = [(name = "http", address = "@LISTEN@", http = (), service = "hello")],
);
const hello :Workerd.Worker = (
  modules = [(name = "hello", esModule = "export default { fetch: () => new Response('Hello, world') };")],
  compatibilityDate = "2026-11-01",
);
