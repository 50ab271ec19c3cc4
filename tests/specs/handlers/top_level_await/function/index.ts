const answer = await new Promise((resolve) => setTimeout(() => resolve(42), 20));
export default () => ({ answer });
