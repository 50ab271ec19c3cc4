export default (request: Request, context: { function: string }) => {
  const { pathname, search } = new URL(request.url);
  return { function: context.function, method: request.method, path: pathname + search };
};
