export default () => "secret";
