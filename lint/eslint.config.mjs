// graphql-eslint over ../schema.graphql: its sets schema-recommended and schema-relay, every rule an error, with
// the options that they publish where this graph has made another choice.

import graphql from "@graphql-eslint/eslint-plugin";

export default [
  {
    // A copy that `run` puts here: eslint looks at no file outside this folder.
    files: ["schema.graphql"],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: "schema.graphql" } },
    },
    plugins: { "@graphql-eslint": graphql },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,

      // Connections go forward only: the vendors' cursors know no way back.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],

      // Lists of plain values are welcome; the set's default wants every list to be a connection's.
      "@graphql-eslint/relay-edge-types": [
        "error",
        {
          withEdgeSuffix: true,
          shouldImplementNode: true,
          listTypeCanWrapOnlyEdgeType: false,
        },
      ],

      // What has an identity has an `id`; what follows is a value, part of something that has one.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          acceptedIdNames: ["id"],
          acceptedIdTypes: ["ID"],
          exceptions: {
            suffixes: [
              "Connection", // Relay's
              "Edge",
              "Payload", // a mutation's answer
              "Error",
              "Event", // one message of a subscription, known by its cursor
            ],
            types: [
              "PageInfo", // Relay's
              // An eSIM's state as observed at one moment.
              "LiveStatus",
              "LastNetwork",
              "LiveDevice",
              "DataUsage",
              "Freshness",
              // What is thought of an eSIM at one moment, and what that is made of.
              "Lifecycle",
              "LifecycleObservation",
              "LifecycleConflict",
              "UnavailableSource",
              // One step of an operation, and when the last one will have ended.
              "OperationStep",
              "EstimatedCompletion",
              // What an operation would do, and what to know before.
              "ActivationPlan",
              "PlanWarning",
            ],
          },
        },
      ],
    },
  },
];
