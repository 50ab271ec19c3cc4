/** The shape of a Hono app: an instance whose `fetch` needs its `this`. */
class App {
  #routes = new Map<string, (request: Request) => Response>();
  get(path: string, handle: (request: Request) => Response) {
    this.#routes.set(path, handle);
    return this;
  }
  fetch = (request: Request) =>
    this.#routes.get(new URL(request.url).pathname)?.(request) ??
      new Response("404 Not Found", { status: 404 });
}

export default new App().get("/", () => new Response("Hono!"));
