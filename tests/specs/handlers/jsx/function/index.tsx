/** @jsxRuntime classic */
/** @jsx h */
const h = (tag: string, _: unknown, ...children: string[]) => `<${tag}>${children.join("")}</${tag}>`;
export default () => new Response(<p>hello</p>, { headers: { "content-type": "text/html" } });
