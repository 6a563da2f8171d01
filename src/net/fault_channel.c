/*
 * One direction of a spoilt transport: its queue, what has passed in bytes and TLS records, its
 * pace. What a row does when it is due is net/fault.c. Tested by tests/unit/test_net_fault.c.
 */
#include "net/fault_internal.h"

enum { RECORD_HANDSHAKE = 0x16 };

void channel_init(struct channel *channel, enum spoil_way way, struct timer *timer)
{
    *channel = (struct channel){.way = way, .timer = timer};
    buf_init(&channel->queue, 0);
}

void channel_deinit(struct channel *channel)
{
    loop_timer_free(&channel->timer);
    buf_release(&channel->queue);
}

/* RFC 8446 5.1: type, version, length; the first record of a connection is a handshake. */
static void count_byte(struct channel *channel, unsigned char byte)
{
    channel->passed_len++;
    channel->has_tls = channel->has_tls || byte == RECORD_HANDSHAKE;
    if (!channel->has_tls)
        return;
    if (channel->record_left > 0) {
        channel->record_left--;
    } else {
        channel->header[channel->header_len++] = byte;
        if (channel->header_len < RECORD_HEADER_SIZE)
            return;
        channel->record_left = ((size_t)channel->header[3] << 8) | channel->header[4];
        channel->header_len = 0;
    }
    if (channel->record_left == 0)
        channel->passed_records++;
}

const struct spoil_row *channel_next_row(struct channel *channel, const struct spoil_plan *plan)
{
    while (channel->row < plan->row_count && plan->rows[channel->row].way != channel->way)
        channel->row++;
    return channel->row < plan->row_count ? &plan->rows[channel->row] : NULL;
}

bool channel_is_due(const struct channel *channel, const struct spoil_row *row)
{
    if (row == NULL)
        return false;
    uint64_t passed = row->unit == SPOIL_BYTES ? channel->passed_len : channel->passed_records;
    return passed >= row->after;
}

size_t channel_pass_len(struct channel *channel, const struct spoil_row *row)
{
    struct span queue = buf_span(&channel->queue);
    size_t len = 0;
    while (len < queue.len && !channel_is_due(channel, row)) {
        if (channel->pace_len > 0 && channel->allowance == 0)
            break;
        if (channel->pace_len > 0)
            channel->allowance--;
        count_byte(channel, (unsigned char)queue.ptr[len]);
        len++;
    }
    return len;
}

void channel_begin_pace(struct channel *channel, const struct spoil_row *row)
{
    channel->pace_len = row->piece_len;
    channel->pace_ms = row->interval_ms;
    channel->allowance = row->piece_len;
}

/* A timer that runs is not moved: a peer that sends on and on would never see it fire. */
void channel_check_pace(struct channel *channel)
{
    if (channel->pace_len == 0 || channel->allowance > 0 || channel->is_waiting)
        return;
    channel->is_waiting = true;
    loop_timer_start(channel->timer, channel->pace_ms);
}

void channel_resume(struct channel *channel)
{
    channel->is_waiting = false;
    channel->allowance = channel->pace_len;
}
