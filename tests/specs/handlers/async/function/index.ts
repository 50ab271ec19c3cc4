export default async (request: Request) => {
  const text = await request.text();
  await new Promise((resolve) => setTimeout(resolve, 5));
  return text.toUpperCase();
};
