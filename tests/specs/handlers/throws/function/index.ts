export default (request: Request) => {
  if (request.method === "GET") throw new TypeError("thrown on purpose");
  return "still here";
};
