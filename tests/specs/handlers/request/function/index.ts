export default async (request: Request) => ({
  method: request.method,
  url: request.url,
  own: request.headers.get("x-own"),
  type: request.headers.get("content-type"),
  body: await request.text(),
});
