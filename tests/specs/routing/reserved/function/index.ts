export default () => "not reserved";
