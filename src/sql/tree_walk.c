/* Fields of messages: one, many, or one of several. */
#include "sql/tree_walk.h"

static bool visit_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        tree_visit_fn *visit, void *context)
{
    const char *const base = (const char *)message;
    const void *const value = base + field->offset;
    const void *const quantifier = base + field->quantifier_offset;
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t count = *(const size_t *)quantifier;
        ProtobufCMessage *const *const items = *(ProtobufCMessage *const *const *)value;
        for (size_t i = 0; i < count; i++)
            if (items[i] != NULL && !visit(context, items[i]))
                return false;
        return true;
    }
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
        *(const uint32_t *)quantifier != field->id)
        return true;
    const ProtobufCMessage *const child = *(const ProtobufCMessage *const *)value;
    return child == NULL || visit(context, child);
}

bool tree_visit_children(const ProtobufCMessage *message, tree_visit_fn *visit, void *context)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        if (!visit_field(message, &message->descriptor->fields[i], visit, context))
            return false;
    return true;
}
