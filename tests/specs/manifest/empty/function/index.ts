export default () => "fine";
