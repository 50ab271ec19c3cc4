const cycle: Record<string, unknown> = {};
cycle.self = cycle;
const values: Record<string, unknown> = {
  "/function": () => {},
  "/symbol": Symbol("s"),
  "/bigint": 1n,
  "/cycle": cycle,
  "/error": new Error("returned, not thrown"),
  "/response_error": Response.error(),
};
export default (request: Request) => values[new URL(request.url).pathname];
