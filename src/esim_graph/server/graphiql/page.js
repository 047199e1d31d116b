// Starts GraphiQL against the graph that served this page: queries by POST, subscriptions over
// graphql-transport-ws, both at the page's own address.

(function () {
  "use strict";

  const container = document.getElementById("graphiql");

  if (!window.React || !window.ReactDOM || !window.GraphiQL || !window.GraphiQLPluginExplorer) {
    container.textContent = "GraphiQL could not start: reload the page, or reinstall esim-graph.";
    return;
  }

  const url = new URL(window.location.pathname, window.location.href);
  const socketUrl = new URL(url);
  socketUrl.protocol = url.protocol === "https:" ? "wss:" : "ws:";

  // The server's examples open as tabs on a first visit; later GraphiQL restores the reader's own tabs.
  const tabs = JSON.parse(document.getElementById("esim-graph-examples").textContent).map((example) => ({
    query: `# ${example.name}\n${example.query.trim()}\n`,
    variables: example.variables ? JSON.stringify(example.variables, null, 2) : "",
  }));

  // A link may carry an operation: /graphql#query=…&variables=… opens it in a tab without running it. What
  // stands behind the # stays in the browser; with a ? the server would run it and answer JSON.
  const link = new URLSearchParams(window.location.hash.slice(1));
  if (link.has("query")) {
    tabs.unshift({ query: link.get("query"), variables: link.get("variables") || "" });
  }

  // GraphiQL leaves the variables of its first default tab out of their editor, so the tab that opens in front
  // is also given by itself. Not on later visits: it would be added to the reader's own tabs.
  const isFirstVisit = window.localStorage.getItem("graphiql:tabState") === null;
  const front = isFirstVisit || link.has("query") ? tabs[0] : undefined;

  const element = React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: url.href, subscriptionUrl: socketUrl.href }),
    plugins: [GraphiQLPluginExplorer.explorerPlugin({ showAttribution: false })],
    defaultTabs: tabs.length > 0 ? tabs : undefined,
    query: front?.query,
    variables: front?.variables,
    defaultEditorToolsVisibility: "variables",
    inputValueDeprecation: true,
    // A token typed into the headers editor stays in this tab's memory, never on disk.
    shouldPersistHeaders: false,
  });

  ReactDOM.createRoot(container).render(element);
})();
