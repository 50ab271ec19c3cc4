export default (request: Request) =>
  new Response("mine", { status: Number(new URL(request.url).pathname.slice(1)) });
