console.log("an instance was started");
export default () => "from the function";
