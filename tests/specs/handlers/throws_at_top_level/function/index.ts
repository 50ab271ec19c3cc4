if (Date.now() > 0) throw new Error("thrown at the top level");
export default () => "never";
