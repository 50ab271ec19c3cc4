export default (request: Request) => `${request.method} ${new URL(request.url).pathname}`;
