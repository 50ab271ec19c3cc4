export default async (request: Request) => {
  let bytes = 0;
  for await (const chunk of request.body ?? []) bytes += chunk.length;
  return { bytes, longest: Math.max(...[...request.headers].map(([, value]) => value.length)) };
};
