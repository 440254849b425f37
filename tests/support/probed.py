"""Random tables with rows, and statements that their rows may break: what probes are held against."""

import random
from dataclasses import dataclass, field

# Of each type few values, so that rows agree and break rules often.
VALUES = {
    "int": ("0", "1", "2", "3", "-1"),
    "bigint": ("0", "1", "2", "3000000000"),
    "smallint": ("0", "1", "2"),
    "text": ("''", "'a'", "'A'", "'1'", "'22'", "'b  '", "'%s'"),
    "varchar(5)": ("'a'", "'abcde'", "'ab   '", "'1'"),
    "char(3)": ("'a'", "'abc'", "'1'"),
    "numeric": ("0", "1", "1.0", "1.5", "2.25", "'NaN'"),
    "numeric(6, 2)": ("0", "1", "2.25", "1000.10"),
    "double precision": ("0", "'-0'", "1", "1.5", "'NaN'"),
    "date": ("'2025-01-01'", "'2025-01-02'", "'infinity'"),
    "timestamptz": ("'2025-01-01 00:00+00'", "'2025-01-01 12:00+00'", "'2025-01-02 00:00+00'"),
    "bool": ("true", "false"),
    "mood": ("'sad'", "'ok'", "'glad'"),
    "int4range": ("'[1,3)'", "'[2,5)'", "'empty'", "'[7,9)'"),
    "uuid": ("'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    "int[]": ("'{1,2}'", "'{}'", "'{1,NULL}'"),
    "jsonb": ("'{}'", "'{\"a\": 1}'", "'null'"),
}
NUMBERS = ("int", "bigint", "smallint", "numeric", "numeric(6, 2)", "double precision")
TEXTS = ("text", "varchar(5)", "char(3)")
ORDINARY = [*NUMBERS, *TEXTS, "int", "text", "bigint"]

# By the kind of the column; {c} is the column, {v} a value of its type.
CHECKS = {
    "number": ("{c} > 0", "{c} IN (0, 1)", "1 / {c} > 0", "{c} BETWEEN 0 AND 2", "{c}::int % 2 = 0",
               "{c} /* > */ >= 0 -- or so\n", "abs({c}) < 2", "CASE WHEN {c} > 1 THEN false ELSE true END"),
    "text": ("length({c}) < 2", "{c} <> 'a'", "{c} ~ '^[a-z]*$'", "lower({c}) = {c}", "{c} LIKE '%a%'",
             "{c} <> $q$a$q$", "{c}::int > 0", "{c} SIMILAR TO '_' AND {c} <> ')'"),
    "bool": ("{c}", "NOT {c}", "{c} IS TRUE"),
    "any": ("{c} IS NOT NULL", "{c} = {v}", "{c} IS DISTINCT FROM {v}", "({c} IS NULL) = false"),
}
EXPRESSIONS = {
    "number": ("({c} + 1)", "abs({c})", "(1 / {c})", "({c} % 2)", "coalesce({c}, 0)"),
    "text": ("lower({c})", "(length({c}))", "(coalesce({c}, ','))", "(left({c}, 1))", "({c}::int)"),
    "bool": ("(NOT {c})",),
    "any": ("({c} IS NULL)",),
}
CLASSES = {**dict.fromkeys(NUMBERS, "number"), **dict.fromkeys(TEXTS, "text"), "bool": "bool"}
NAMES = ("a", "b", "c", "Mixed", "with space", 'quo"te', "it's", "per%cent", "select", "new\nline",
         "\u00e9t\u00e9", "a.b", "k" * 63, "$1", "back\\slash", "rows", "value")


def quote(name):
    return '"' + name.replace('"', '""') + '"'


def kind_of(type_name):
    return CLASSES.get(type_name, "any")


@dataclass
class Table:
    name: str  # quoted
    columns: dict = field(default_factory=dict)  # quoted name -> type
    plain: bool = True  # neither partitioned nor a parent of others
    keyed: bool = False
    hidden: set = field(default_factory=set)  # names of columns that no statement is about


def insert(name, row):
    return f"INSERT INTO {name} ({', '.join(row)}) VALUES ({', '.join(row.values())}) ON CONFLICT DO NOTHING"


class Case:
    """A child table, its parent, and 1 to 4 statements."""

    def __init__(self, number, seed):
        self.random = random.Random(f"{seed}/{number}")
        self.number = number
        self.setup = []
        self.statements = []
        self.parent = self.make_parent()
        self.child = self.make_child()
        for _ in range(self.some((0, 0, 1, 1, 2))):
            self.add(self.pick(CHANGES))
        for _ in range(self.some((1, 1, 2))):
            while not self.add(self.pick(DEMANDS)):
                pass

    # ---- chance ----

    def some(self, items):
        return self.random.choice(items)

    def pick(self, weighted):
        return self.random.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]

    def chance(self, share):
        return self.random.random() < share

    def column(self, table=None, types=None):
        columns = (table or self.child).columns
        names = [name for name, kind in columns.items() if types is None or kind in types]
        return self.some(names) if names else None

    def value(self, type_name, nulls=0.12):
        if self.chance(nulls):
            return "NULL"
        return f"{self.some(VALUES[type_name])}::{type_name}"

    def new_name(self, table):
        free = [quote(name) for name in NAMES
                if quote(name) not in table.columns and quote(name) not in table.hidden]
        return self.some(free)

    def add(self, make):
        made = make(self, self.child)
        if made:
            self.statements += [made] if isinstance(made, str) else made
        return made

    # ---- tables ----

    def table_name(self, letter):
        odd = self.some(("", "", "", " x", "%d", "'", '""', "\u00fc", "\n"))
        return f'"{letter}{self.number}{odd}"' if odd or self.chance(0.3) else f"{letter}{self.number}"

    def rows_of(self, table, count, nulls):
        return [{name: self.value(kind, nulls) for name, kind in table.columns.items()} for _ in range(count)]

    def make_parent(self):
        table = Table(self.table_name("p"))
        kind = self.some(("int", "int", "bigint", "text", "varchar(5)", "numeric", "uuid", "mood", "date"))
        first = self.new_name(table)
        table.columns[first] = kind
        table.columns[self.new_name(table)] = self.some(("int", "text", kind))
        names = list(table.columns)
        self.parent_keys = [names[:1]]
        columns = ", ".join(f"{name} {kind}" for name, kind in table.columns.items())
        shape = self.some(("plain", "plain", "plain", "two", "two", "partitioned", "inherited", "index"))
        key = f"PRIMARY KEY ({names[0]})"
        if shape == "two":
            self.parent_keys = [names[:2]]
            key = f"UNIQUE ({names[1]}, {names[0]})"
        elif shape == "index":
            key = f"CHECK ({names[0]} IS NOT NULL)"
        partition = f" PARTITION BY HASH ({names[0]})" if shape == "partitioned" else ""
        self.setup.append(f"CREATE TABLE {table.name} ({columns}, {key}){partition}")
        if shape == "partitioned":
            for remainder in range(2):
                self.setup.append(f"CREATE TABLE pp{self.number}_{remainder} PARTITION OF {table.name}"
                                  f" FOR VALUES WITH (MODULUS 2, REMAINDER {remainder})")
        if shape == "inherited":
            self.setup.append(f"CREATE TABLE pi{self.number} () INHERITS ({table.name})")
            self.setup.append(f"INSERT INTO pi{self.number} VALUES ({self.value(kind, 0)})")
        if shape == "index":
            self.setup.append(f"CREATE UNIQUE INDEX ON {table.name} ({names[0]})")
        for row in self.rows_of(table, self.some((1, 2, 3, 5)), 0 if shape != "two" else 0.1):
            self.setup.append(insert(table.name, row))
        return table

    def make_child(self):
        table = Table(self.table_name("t"))
        for number in range(self.some((2, 3, 4))):
            kinds = list(self.parent.columns.values()) if self.chance(0.4) else \
                ORDINARY if self.chance(0.7) else list(VALUES)
            table.columns[self.new_name(table)] = self.some(kinds)
        shape = self.some(("plain",) * 5 + ("keyed", "keyed", "list", "inherited"))
        columns = [f"{name} {kind}" for name, kind in table.columns.items()]
        table.plain = shape in ("plain", "keyed")
        if shape == "keyed":
            table.keyed = True
            key = self.new_name(table)
            table.hidden.add(key)
            columns.insert(0, f"{key} int GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        divide = f" PARTITION BY HASH ({self.column(table)})" if shape == "list" else ""
        if divide and not self.column(table, [kind for kind in VALUES if kind not in ("int4range",)]):
            divide, table.plain = "", True
        self.setup.append(f"CREATE TABLE {table.name} ({', '.join(columns)}){divide}")
        if divide:
            for remainder in range(2):
                self.setup.append(f"CREATE TABLE tp{self.number}_{remainder} PARTITION OF {table.name}"
                                  f" FOR VALUES WITH (MODULUS 2, REMAINDER {remainder})")
        self.rules = []
        if self.chance(0.35):
            self.add_rule(table)
        nulls = self.some((0, 0, 0.12, 0.3))
        into = [table.name]
        if shape == "inherited":
            self.setup.append(f"CREATE TABLE ti{self.number} () INHERITS ({table.name})")
            into.append(f"ti{self.number}")
        for row in self.rows_of(table, self.some((0, 1, 1, 2, 2, 3, 5)), nulls):
            self.setup.append(insert(self.some(into), row))
        self.setup += [f"{statement} NOT VALID" for _, statement in self.rules]
        return table

    def add_rule(self, table):
        """One that the table has already: obeyed by its rows, or NOT VALID."""
        name = f"own{self.number}"
        parent_key, = self.parent_keys[0][:1]
        kind = self.some(("check", "check", "unique", "foreign", "index"))
        column = self.column(table)
        if kind == "check":
            self.setup.append(f"ALTER TABLE {table.name} ADD CONSTRAINT {name}"
                              f" CHECK ({self.condition(table)})")
        elif kind == "index" and table.plain:
            self.setup.append(f"CREATE {self.some(('', 'UNIQUE '))}INDEX ON {table.name}"
                              f" ({self.about(EXPRESSIONS, table)})")
        elif kind == "unique" and table.plain:
            self.setup.append(f"ALTER TABLE {table.name} ADD CONSTRAINT {name} UNIQUE ({column})")
        elif kind == "foreign" and len(self.parent_keys[0]) == 1:
            column = self.column(table, (self.parent.columns[parent_key],))
            if column is None:
                return
            self.setup.append(f"ALTER TABLE {table.name} ADD CONSTRAINT {name} FOREIGN KEY ({column})"
                              f" REFERENCES {self.parent.name} ({parent_key})")
        else:
            return
        if kind in ("check", "foreign") and table.plain and self.chance(0.7):
            # Not obeyed: made again once the rows are there.
            self.rules.append((name, self.setup.pop()))

    # ---- expressions ----

    def about(self, texts, table, name=None):
        name = name or self.column(table)
        kind = table.columns[name]
        text = self.some(texts[kind_of(kind)] + (texts["any"] if self.chance(0.3) else ()))
        return text.replace("{c}", name).replace("{v}", self.value(kind, 0))

    def condition(self, table):
        text = self.about(CHECKS, table)
        roll = self.random.random()
        if roll < 0.15:
            return f"({text}) AND ({self.about(CHECKS, table)})"
        if roll < 0.3:
            return f"({text}) OR ({self.about(CHECKS, table)})"
        return f"NOT ({text})" if roll < 0.4 else text


# ---- what changes the rows before ----

def change_update(case, table):
    name = case.column(table)
    where = case.some(("", f" WHERE {name} IS NULL", f" WHERE {case.condition(table)}"))
    alias = case.some(("", "", ' AS "y y"'))
    other = case.column(table)
    sets = [f"{name} = {case.value(table.columns[name])}"]
    if other != name:
        same = [one for one, kind in table.columns.items() if kind == table.columns[other]]
        value = case.value(table.columns[other])
        sets.append(f"{other} = {case.some(same)}" if case.chance(0.5) else
                    f"{other} = CASE WHEN {name} IS NULL THEN {value} ELSE {other} END")
    return f"UPDATE {table.name}{alias} SET {', '.join(sets)}{where}"


def change_delete(case, table):
    return f"DELETE FROM {table.name} WHERE {case.condition(table)}"


def change_delete_orphans(case, table):
    name, other = case.column(table), case.column(case.parent)
    return (f"DELETE FROM {table.name} AS pawl_c WHERE pawl_c.{name} IS NOT NULL AND NOT EXISTS (SELECT FROM"
            f" {case.parent.name} AS q WHERE q.{other}::text = pawl_c.{name}::text)")


def change_rename_column(case, table):
    if not table.plain and case.chance(0.7):
        return None
    old, new = case.column(table), case.new_name(table)
    table.columns = {new if name == old else name: kind for name, kind in table.columns.items()}
    return f"ALTER TABLE {table.name} RENAME {case.some(('', 'COLUMN '))}{old} TO {new}"


def change_rename_table(case, table):
    old, table.name = table.name, f'"r{case.number} {len(case.statements)}"'
    return f"ALTER TABLE {old} RENAME TO {table.name}"


def change_drop_column(case, table):
    if len(table.columns) < 3 or not table.plain:
        return None
    name = case.column(table)
    del table.columns[name]
    return f"ALTER TABLE {table.name} DROP COLUMN {name}"


def change_add_column(case, table):
    kind, name = case.some(list(VALUES)), case.new_name(table)
    default = case.some(("", f" DEFAULT {case.value(kind, 0.1)}", f" DEFAULT {case.value(kind, 0)}"))
    rule = case.some(("", "", "", " NOT NULL", " UNIQUE" if table.plain else "",
                      f" CHECK ({name} IS DISTINCT FROM {case.value(kind, 0)})"))
    if rule == " UNIQUE" and kind == "int4range[]":
        rule = ""
    table.columns[name] = kind
    return f"ALTER TABLE {table.name} ADD COLUMN {name} {kind}{case.some((default + rule, rule + default))}"


def change_truncate(case, table):
    return f"TRUNCATE {table.name}"


# ---- what the rows may break ----

def demand_foreign(case, table):
    keys = case.some(case.parent_keys)
    if case.chance(0.1):
        keys = keys[::-1]
    own = []
    for key in keys:
        wanted = case.parent.columns[key]
        near = NUMBERS if wanted in NUMBERS else TEXTS if wanted in TEXTS else list(VALUES)
        alike = [wanted] if case.chance(0.75) else near
        name = case.column(table, alike) or case.column(table)
        if name in own:
            return None
        own.append(name)
    match = case.some(("", "", " MATCH SIMPLE", " MATCH FULL"))
    action = case.some(("", "", " ON DELETE CASCADE", " ON UPDATE SET NULL",
                        " DEFERRABLE INITIALLY DEFERRED"))
    referred = f" ({', '.join(keys)})"
    name = f"fk{case.number}_{len(case.statements)}"
    text = f"FOREIGN KEY ({', '.join(own)}) REFERENCES {case.parent.name}{referred}{match}{action}"
    if case.chance(0.2) and table.plain:
        return [f"ALTER TABLE {table.name} ADD CONSTRAINT {name} {text} NOT VALID",
                f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {name}"]
    return f"ALTER TABLE {table.name} ADD {case.some(('', f'CONSTRAINT {name} '))}{text}"


def demand_unique(case, table):
    if not table.plain and case.chance(0.8):
        return None
    names = list(dict.fromkeys(case.column(table) for _ in range(case.some((1, 1, 2)))))
    nulls = case.some(("", "", " NULLS NOT DISTINCT")) if case.major >= 15 else ""
    return f"ALTER TABLE {table.name} ADD UNIQUE{nulls} ({', '.join(names)})"


def demand_primary(case, table):
    if table.keyed or not table.plain:
        return None
    table.keyed = True
    names = list(dict.fromkeys(case.column(table) for _ in range(case.some((1, 1, 2)))))
    if case.chance(0.25):
        return [f"CREATE UNIQUE INDEX pk{case.number} ON {table.name} ({', '.join(names)})",
                f"ALTER TABLE {table.name} ADD PRIMARY KEY USING INDEX pk{case.number}"]
    return f"ALTER TABLE {table.name} ADD PRIMARY KEY ({', '.join(names)})"


def demand_check(case, table):
    text = case.condition(table)
    no_inherit = " NO INHERIT" if table.plain and case.chance(0.1) else ""
    name = f"ck{case.number}_{len(case.statements)}"
    if case.chance(0.25):
        return [f"ALTER TABLE {table.name} ADD CONSTRAINT {name} CHECK ({text}){no_inherit} NOT VALID",
                f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {name}"]
    return f"ALTER TABLE {table.name} ADD {case.some(('', f'CONSTRAINT {name} '))}CHECK ({text}){no_inherit}"


def demand_not_null(case, table):
    return f"ALTER TABLE {table.name} ALTER {case.some(('', 'COLUMN '))}{case.column(table)} SET NOT NULL"


def demand_unique_index(case, table):
    if not table.plain:
        return None
    one = case.some((case.column(table), case.about(EXPRESSIONS, table)))
    more = f", {case.column(table)} DESC" if case.chance(0.25) else ""
    where = f" WHERE {case.condition(table)}" if case.chance(0.4) else ""
    return f"CREATE UNIQUE INDEX ON {table.name} ({one}{more}){where}"


def demand_index(case, table):
    where = f" WHERE {case.condition(table)}" if case.chance(0.4) else ""
    return f"CREATE INDEX ON {table.name} ({case.about(EXPRESSIONS, table)}){where}"


def demand_type(case, table):
    name = case.column(table)
    old, new = table.columns[name], case.some(list(VALUES))
    using = case.some(("", "", f" USING {name}::text::{new}", f" USING ({name})::{new}",
                       f" USING CASE WHEN {name} IS NULL THEN {case.value(new)}"
                       f" ELSE {name}::text::{new} END"))
    table.columns[name] = new
    if not using and {kind_of(old), kind_of(new)} == {"any"} and old != new:
        return None
    return f"ALTER TABLE {table.name} ALTER {name} {case.some(('', 'SET DATA '))}TYPE {new}{using}"


def demand_exclude(case, table):
    if not table.plain:
        return None
    ranges = case.column(table, ("int4range",))
    plain = case.column(table, ("int", "bigint", "text", "date", "uuid", "mood"))
    parts = ([f"{ranges} WITH &&"] if ranges else []) + ([f"{plain} WITH ="] if plain else [])
    where = f" WHERE ({case.condition(table)})" if case.chance(0.25) else ""
    return f"ALTER TABLE {table.name} ADD EXCLUDE USING gist ({', '.join(parts)}){where}" if parts else None


def demand_generated(case, table):
    name = case.column(table, NUMBERS)
    if name is None:
        return None
    new = case.new_name(table)
    table.hidden.add(new)
    return (f"ALTER TABLE {table.name} ADD {new} {table.columns[name]}"
            f" GENERATED ALWAYS AS ({case.some(('1 / {c}', '{c} + 1', '{c} * 2')).format(c=name)}) STORED")


def demand_domain(case, table):
    kind = case.some(("int", "text"))
    domain, name = f'"d{case.number}%s"', f"dt{case.number}"
    case.setup += [f"CREATE DOMAIN {domain} AS {kind}", f"CREATE TABLE {name} (k int, x {domain})"]
    for _ in range(case.some((0, 1, 2, 3))):
        case.setup.append(f"INSERT INTO {name} VALUES (1, {case.value(kind)})")
    if case.chance(0.3):
        return f"ALTER DOMAIN {domain} SET NOT NULL"
    check = case.some(CHECKS[kind_of(kind)]).replace("{c}", "VALUE")
    if case.chance(0.3):
        return [f"ALTER DOMAIN {domain} ADD CONSTRAINT k CHECK ({check}) NOT VALID",
                f"ALTER DOMAIN {domain} VALIDATE CONSTRAINT k"]
    return f"ALTER DOMAIN {domain} ADD CHECK ({check})"


BOUNDS = {
    "LIST": ("IN ({0})", "IN ({0}, {1})", "IN ({0}, NULL)"),
    "RANGE": ("FROM ({0}) TO ({1})", "FROM (MINVALUE) TO ({1})", "FROM ({0}) TO (MAXVALUE)"),
}


def demand_attach(case, table):
    kind = case.some(("int", "bigint", "text", "date"))
    low, high = {"text": ("'A'", "'b'"), "date": ("'2025-01-01'", "'2025-01-02'")}.get(kind, ("0", "2"))
    how = case.some(("LIST", "RANGE", "RANGE", "HASH"))
    parent, name, key = f'"ap{case.number} \'x"', f"an{case.number}", case.some(("k", '"K k"'))
    rule = case.some(("", "", f", UNIQUE ({key})", ", CHECK (v > 0)", ", UNIQUE (v, " + key + ")",
                      f", FOREIGN KEY ({key}) REFERENCES {case.parent.name} ({case.parent_keys[0][0]})"
                      if [kind] == [case.parent.columns[one] for one in case.parent_keys[0]] else ""))
    not_null = case.some(("", "", "", " NOT NULL"))
    own = case.some(("", not_null)) + (rule if rule.startswith(", CHECK") and case.chance(0.7) else "")
    case.setup += [f"CREATE TABLE {parent} ({key} {kind}, v int{not_null}{rule}) PARTITION BY {how} ({key})",
                   f"CREATE TABLE {name} ({key} {kind}, v int{own})"]
    beside_default = how != "HASH" and case.chance(0.5)
    if beside_default:
        case.setup += [f"CREATE TABLE ad{case.number} PARTITION OF {parent} DEFAULT",
                       f"INSERT INTO {parent} VALUES ({case.value(kind)}, 1)"]
    for _ in range(case.some((0, 1, 1, 2))):
        case.setup.append(f"INSERT INTO {name} VALUES ({case.value(kind, 0.08)}, 1)")
    bound = "WITH (MODULUS 2, REMAINDER 1)" if how == "HASH" else case.some(BOUNDS[how]).format(low, high)
    if beside_default:
        # ATTACH ... IN (value, NULL) looks past rows of the DEFAULT partition that have the value; a
        # probe tells of them.
        bound = bound.replace(", NULL)", ")")
    if how != "HASH" and case.chance(0.3):
        return f"CREATE TABLE an{case.number}_new PARTITION OF {parent} FOR VALUES {bound}"
    if case.chance(0.2):
        return [f"ALTER TABLE {name} ALTER {key} SET NOT NULL",
                f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES {bound}"]
    return f"ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES {bound}"


def demand_several(case, table):
    """Several commands of one statement, in any order."""
    name = case.column(table)
    parts = [f"ALTER {name} SET NOT NULL", f"ADD CHECK ({case.condition(table)})"]
    if table.plain:
        parts.append(f"ADD UNIQUE ({case.column(table)})")
    new, kind = case.new_name(table), case.some(("int", "text"))
    parts += [f"ADD {new} {kind} DEFAULT {case.value(kind)}", f"ADD CHECK ({new} <> {case.value(kind, 0)})"]
    table.columns[new] = kind
    case.random.shuffle(parts)
    return f"ALTER TABLE {table.name} {', '.join(parts[:case.some((2, 3))])}"


def demand_validate(case, table):
    return f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {case.some(case.rules)[0]}" if case.rules else None


def demand_foreign_to_new_key(case, table):
    """A key that the set makes, of the parent or of the table itself."""
    parent = case.some((case.parent, table))
    key = case.column(parent)
    own = case.column(table, (parent.columns[key],))
    if own is None or not table.plain:
        return None
    return [f"ALTER TABLE {parent.name} ADD CONSTRAINT nk{case.number}_{len(case.statements)} UNIQUE ({key})",
            f"ALTER TABLE {table.name} ADD FOREIGN KEY ({own}) REFERENCES {parent.name} ({key})"]


CHANGES = ((change_update, 5), (change_delete, 4), (change_delete_orphans, 1), (change_rename_column, 2),
           (change_rename_table, 1), (change_drop_column, 1), (change_add_column, 3), (change_truncate, 0.5),
           (lambda case, table: demand_type(case, table), 2))
DEMANDS = ((demand_foreign, 5), (demand_unique, 3), (demand_primary, 2), (demand_check, 4),
           (demand_not_null, 3), (demand_unique_index, 3), (demand_index, 1), (demand_type, 4),
           (demand_exclude, 1), (demand_generated, 1), (demand_domain, 1), (demand_validate, 3),
           (demand_foreign_to_new_key, 1), (demand_attach, 2), (demand_several, 2), (change_add_column, 1))
