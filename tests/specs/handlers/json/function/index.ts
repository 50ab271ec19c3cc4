const values: Record<string, unknown> = {
  "/object": { a: [1, null, "ü"] },
  "/array": [],
  "/number": 42,
  "/false": false,
  "/null": null,
};
export default (request: Request) => values[new URL(request.url).pathname];
