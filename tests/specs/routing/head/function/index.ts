export default (request: Request) =>
  new Response("twelve bytes", { headers: { "x-method": request.method } });
