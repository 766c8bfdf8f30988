// Airflow has a switch for light and dark, and this page follows it in Airflow's frame; by itself it
// is as the browser is set.
const own = document.documentElement;

export function watchTheme() {
  if (window.parent === window) return;
  const airflows = window.parent.document.documentElement;
  const follow = () => {
    own.style.colorScheme = airflows.style.colorScheme;
  };
  follow();
  new MutationObserver(follow).observe(airflows, { attributeFilter: ["style"] });
}
