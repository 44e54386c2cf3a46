// Runs before the first paint, and is therefore not a module: applies the theme that was chosen on an earlier visit.
// Without a choice the page follows the system.
(() => {
  try {
    const theme = localStorage.getItem("sambay4j.theme");
    if (theme === "light" || theme === "dark") {
      document.documentElement.dataset.theme = theme;
    }
  } catch {
    // Storage may be forbidden; the system's theme it is, then.
  }
})();
