const greeting = await Promise.resolve("waited");

export default () => greeting;
