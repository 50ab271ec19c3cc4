export default () =>
  new Response("made", {
    status: 201,
    headers: [["x-own", "yes"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]],
  });
