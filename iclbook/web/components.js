(() => {
  register("fast-weights", () => {});
  function register() {}
})();
