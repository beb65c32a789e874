from uuid import RFC_4122, UUID

from devflow_analytics_schema import new_id


def test_an_id_is_a_uuid_of_version_7_in_its_usual_form() -> None:
    made = new_id()
    parsed = UUID(made)
    assert (parsed.version, parsed.variant, str(parsed)) == (7, RFC_4122, made)


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(set(made))
