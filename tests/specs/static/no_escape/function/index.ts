export default () => "from the function";
