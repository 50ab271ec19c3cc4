export default (request: Request) => {
  const path = new URL(request.url).pathname;
  if (path === "/deno") Deno.exit(3);
  if (path === "/node") process.exit(0);
  return "fine";
};
