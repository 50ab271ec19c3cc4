const response = new Response("once");
export default () => response;
