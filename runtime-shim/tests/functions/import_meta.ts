export default () => [import.meta.url, import.meta.dirname];
