export default {
  greeting: "hello from",
  fetch(request) {
    return new Response(`${this.greeting} ${new URL(request.url).pathname}`);
  },
};
