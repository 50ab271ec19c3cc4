export default () =>
  new ReadableStream({
    async start(body) {
      for (const part of ["one ", "two ", "three"]) {
        body.enqueue(new TextEncoder().encode(part));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      body.close();
    },
  });
