"""Rules that the whole schema keeps, each checked by walking all of it."""

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    Undefined,
    get_named_type,
    is_non_null_type,
)

from support.gateway import SCHEMA

TYPES = {name: one for name, one in SCHEMA.type_map.items() if not name.startswith("__")}
OBJECTS = {name: one for name, one in TYPES.items() if isinstance(one, GraphQLObjectType)}
INPUTS = {name: one for name, one in TYPES.items() if isinstance(one, GraphQLInputObjectType)}
ENUMS = {name: one for name, one in TYPES.items() if isinstance(one, GraphQLEnumType)}
NOT_A_VENDORS_WORD = {
    "OrderDirection", "ProfileOrderField", "TransactionOrderField", "OperationOrderField",
    "UserErrorCode", "ServedFrom", "PlanWarningCode", "Verification", "ProfileState", "StatusSource",
    "LifecycleAxis", "LifecycleConflictKind", "Severity",
}  # fmt: skip


def fields() -> list[tuple[str, str, GraphQLField]]:
    return [(owner, name, field) for owner, one in OBJECTS.items() for name, field in one.fields.items()]


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        ("Query", "node nodes esim esimsByIccid profile profiles transaction transactions operation operations "
                  "liveStatus bundleHistory activationPlan statusChanges"),
        ("Mutation", "profileDownload profileEnable profileDisable profileDelete operationStart"),
        ("Subscription", "transactionProgress operationProgress operationsProgress statusChanged"),
        ("TransactionEvent", "sequence cursor transaction"),
        ("OperationEvent", "sequence cursor operation"),
        ("Esim", "id iccid eid profile liveStatus bundleHistory transactions operations statusChanges lifecycle"),
        ("StatusChangeEvent", "sequence cursor change"),
        ("StatusChange", "iccid from to at source actor transaction message messageCode isError unexpected"),
        ("Lifecycle", "state observations conflicts"),
        ("LifecycleObservation", "source state raw observedAt"),
        ("LifecycleConflict", "kind severity message"),
        ("EstimatedCompletion", "p50 p90 sampleSize"),
        ("Profile", "id iccid eid number carrier normalizedCarrier customerId deviceId status statusRaw type esim"),
        ("Transaction", "id vendorId action status isTerminal iccid eid deviceId customerId message messageCode "
                        "createdAt updatedAt lastCheckedAt verification esim"),
        ("Operation", "id vendorId kind status isTerminal progress steps cause causeId carrier iccid eid deviceId "
                      "customerId createdBy source jobId message messageCode downloadTransaction enableTransaction "
                      "createdAt updatedAt esim estimatedCompletion"),
        ("OperationStep", "name state startedAt endedAt"),
        ("LiveStatus", "iccid status statusRaw esimStatus smdpStatus profile unlimited lastNetwork device "
                       "activatedAt lastUsedAt expiresAt dataUsage freshness"),
        ("LastNetwork", "operator mcc mnc country countryCode connectionType"),
        ("LiveDevice", "model imei"),
        ("DataUsage", "usedBytes totalBytes usedGb totalGb unlimited usedPercent"),
        ("Freshness", "observedAt ageSeconds stale servedFrom"),
        ("BundleEvent", "name kind bundleName bundleState occurredAt occurredAtRaw alertType"),
        ("UserError", "code field message conflictsWith"),
        ("ProfileEnablePayload", "transaction userErrors replayed"),
        ("OperationStartPayload", "operation userErrors replayed"),
        ("ActivationPlan", "profile warnings"),
        ("PageInfo", "hasNextPage hasPreviousPage startCursor endCursor"),
    ],
)  # fmt: skip
def test_the_names_of_the_contract_are_there(owner: str, names: str) -> None:
    assert set(names.split()) <= set(OBJECTS[owner].fields)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ProfileStatus", "ACTIVE INACTIVE UNKNOWN"),
        ("TransactionAction", "DOWNLOAD ENABLE DISABLE DELETE UNKNOWN"),
        ("TransactionStatus", "IN_PROGRESS COMPLETE FAILED UNKNOWN"),
        ("OperationKind", "ACTIVATE DOWNLOAD ENABLE UNKNOWN"),
        ("OperationStatus", "STARTING DOWNLOAD DOWNLOAD_VERIFY ENABLE ENABLE_VERIFY FAILED SUCCESSFUL UNKNOWN"),
        ("ServedFrom", "UPSTREAM CACHE"),
        ("Verification", "PENDING VERIFIED UNVERIFIED"),
        ("PlanWarningCode", "CARRIER_AMBIGUOUS CARRIER_SPN_MISMATCH ALREADY_ACTIVE WILL_DISABLE_OTHER_PROFILE"),
        ("ProfileState", "AVAILABLE DOWNLOADED INSTALLED ENABLED DISABLED DELETED REMOVED EXPIRED CANCELED UNKNOWN"),
    ],
)
def test_the_words_of_the_contract_are_there(name: str, values: str) -> None:
    assert set(ENUMS[name].values) == set(values.split())


def test_every_word_of_a_vendor_may_be_unknown() -> None:
    assert [name for name, one in ENUMS.items() if name not in NOT_A_VENDORS_WORD and "UNKNOWN" not in one.values] == []


def test_every_word_of_a_vendor_has_the_raw_word_beside_it() -> None:
    missing = [
        f"{owner}.{name}"
        for owner, name, field in fields()
        if get_named_type(field.type).name in set(ENUMS) - NOT_A_VENDORS_WORD
        and owner != "OperationStep"  # its words are ours
        and f"{name}Raw" not in OBJECTS[owner].fields
        and (owner, name) != ("BundleEvent", "kind")  # its raw word is `name`
    ]

    assert missing == []


def test_every_root_field_behind_a_vendor_is_nullable() -> None:
    """One dead vendor must not null its siblings; only lists that need no vendor are not null."""
    not_null = [
        f"{root}.{name}"
        for root in ("Query", "Mutation")
        for name, field in OBJECTS[root].fields.items()
        if is_non_null_type(field.type)
    ]

    assert not_null == ["Query.esimsByIccid", "Query.nodes"]


def test_every_branch_of_an_esim_is_nullable() -> None:
    not_null = {name for name, field in OBJECTS["Esim"].fields.items() if is_non_null_type(field.type)}

    assert not_null == {"id", "iccid"}


def test_every_field_argument_value_and_type_is_described() -> None:
    bare = [name for name, one in TYPES.items() if not one.description and not is_built_in(name)]
    for owner, one in (OBJECTS | INPUTS).items():
        for name, field in one.fields.items():
            bare += [f"{owner}.{name}"] if not field.description else []
            bare += [f"{owner}.{name}({arg})" for arg, at in getattr(field, "args", {}).items() if not at.description]
    for owner, enum in ENUMS.items():
        bare += [f"{owner}.{name}" for name, value in enum.values.items() if not value.description]

    assert bare == []


def is_built_in(name: str) -> bool:
    return name in ("Int", "Float", "String", "Boolean", "ID")


def test_no_default_is_a_word() -> None:
    """Printing the schema sorted cannot write one."""
    defaults = [
        f"{owner}.{name}"
        for owner, one in (OBJECTS | INPUTS).items()
        for name, field in one.fields.items()
        for typed in (field, *getattr(field, "args", {}).values())
        if getattr(typed, "default_value", Undefined) not in (Undefined, None)
        and isinstance(get_named_type(typed.type), GraphQLEnumType)
    ]

    assert defaults == []


def test_every_scalar_of_ours_says_where_it_is_specified() -> None:
    ours = [one for name, one in TYPES.items() if isinstance(one, GraphQLScalarType) and not is_built_in(name)]

    assert {one.name for one in ours} >= {"ICCID", "EID", "DateTime", "BigInt"}
    assert [one.name for one in ours if not str(one.specified_by_url).startswith("https://")] == []


def test_connections_are_forward_only_with_nodes_and_without_counts() -> None:
    connections = {name: one for name, one in OBJECTS.items() if name.endswith("Connection")}

    assert set(connections) == {
        "ProfileConnection", "TransactionConnection", "OperationConnection", "StatusChangeConnection"
    }  # fmt: skip
    for one in connections.values():
        assert set(one.fields) == {"edges", "nodes", "pageInfo"}
    backward = [f"{o}.{n}" for o, n, field in fields() if {"last", "before"} & set(field.args)]
    assert backward == []


def test_every_mutation_takes_one_input_and_answers_user_errors() -> None:
    for name, field in OBJECTS["Mutation"].fields.items():
        (argument,) = field.args.items()
        payload = OBJECTS[get_named_type(field.type).name]
        assert argument[0] == "input"
        assert str(argument[1].type) == f"{name[0].upper()}{name[1:]}Input!"
        assert payload.name == f"{name[0].upper()}{name[1:]}Payload"
        assert "userErrors" in payload.fields


def test_an_activation_code_is_only_ever_an_input() -> None:
    leaving = [f"{o}.{n}" for o, n, field in fields() if get_named_type(field.type).name == "ActivationCode"]

    assert leaving == []
    assert not any("activationcode" in name.lower() for _, name, _ in fields())


def test_required_inputs_of_actions_are_those_of_the_contract() -> None:
    required = {
        name: {entry for entry, field in one.fields.items() if is_non_null_type(field.type)}
        for name, one in INPUTS.items()
        if name.startswith(("Profile", "OperationStart")) and name.endswith("Input")
    }

    assert required == {
        "ProfileDeleteInput": {"deviceId", "iccid"},
        "ProfileDisableInput": {"deviceId", "iccid"},
        "ProfileEnableInput": {"deviceId", "iccid"},
        "ProfileDownloadInput": {"deviceId"},
        "OperationStartInput": {"deviceId", "kind"},
    }


def test_what_later_issues_own_is_not_there_yet() -> None:
    """A field enters with its real behaviour; until then it is absent, not hollow."""
    later = {"viewer", "upstreams"}

    assert later & {name for _, name, _ in fields()} == set()


@pytest.mark.parametrize("noun", ["Profile", "Transaction", "Operation"])
def test_a_filter_offers_the_operators_of_the_contract(noun: str) -> None:
    operators = {
        "TextFilter": {"eq", "ne", "contains", "startsWith", "endsWith", "in"},
        "IntFilter": {"eq", "ne", "lt", "lte", "gt", "gte"},
        "DateTimeFilter": {"eq", "ne", "lt", "lte", "gt", "gte"},
    }
    for name, field in INPUTS[f"{noun}Filter"].fields.items():
        typed = get_named_type(field.type)
        assert isinstance(typed, GraphQLInputObjectType)
        if name not in ("and", "or", "not"):
            assert set(typed.fields) == operators.get(typed.name, {"eq", "ne", "in"})
