"""The operations that GraphiQL opens with; their identifiers live in the sandbox's fleet."""

from esim_graph.sandbox import landmarks
from esim_graph.server.graphiql import Example

EXAMPLES = (
    Example(
        name="One eSIM as three vendors know it",
        query="""
query OneEsim($iccid: ICCID!) {
  esim(iccid: $iccid) {
    profile { carrier status deviceId eid }
    liveStatus {
      status
      lastNetwork { operator country connectionType }
      dataUsage { usedGb totalGb usedPercent }
      freshness { ageSeconds servedFrom }
    }
    bundleHistory { kind bundleName occurredAt }
  }
}
""",
        variables={"iccid": landmarks.KNOWN_TO_ALL.iccid},
    ),
    Example(
        name="Start an activation; copy the vendorId that comes back into the next tab",
        query="""
mutation Activate($input: OperationStartInput!) {
  operationStart(input: $input) {
    operation { vendorId status }
    userErrors { code field message }
  }
}
""",
        variables={
            "input": {
                "kind": "ACTIVATE",
                "deviceId": landmarks.READY_TO_ACTIVATE.device_id,
                "carrier": landmarks.READY_TO_ACTIVATE.carrier,
            }
        },
    ),
    Example(
        name="Watch an operation to its end",
        query="""
subscription Watch($vendorId: String!) {
  operationProgress(vendorId: $vendorId) {
    sequence
    operation {
      status
      progress
      steps { name state startedAt endedAt }
      message
      iccid
    }
  }
}
""",
        variables={"vendorId": ""},
    ),
    Example(
        name="A page of profiles, filtered and sorted",
        query="""
query Profiles($first: Int, $after: String, $filter: ProfileFilter) {
  profiles(first: $first, after: $after, filter: $filter, orderBy: { field: CARRIER, direction: ASC }) {
    nodes { iccid carrier status deviceId }
    pageInfo { hasNextPage endCursor }
  }
}
""",
        variables={"first": 10, "filter": {"status": {"eq": "ACTIVE"}, "carrier": {"contains": "a"}}},
    ),
)
