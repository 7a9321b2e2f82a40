/* A guest of a few instructions that reads, writes and halts, and all that its client sees of it: the same whether it is watched or not. */
#include "client.h"

int main(void)
{
    static const uint8_t code[] = {
        0xB8, 0x34, 0x12, /* mov ax, 0x1234 */
        0xE4, 0x10,       /* in al, 0x10 */
        0xE6, 0x11,       /* out 0x11, al */
        0xF4,             /* hlt */
        0x40,             /* inc ax */
        0xF4,             /* hlt */
    };
    struct machine m;
    struct kvm_regs registers;
    machine_create(&m, LOOP16);
    memcpy(m.memory + CODE, code, sizeof code);
    printf("descriptors %d %d %d\n", m.system, m.vm, m.vcpu);
    for (int halts = 0; halts < 2;) {
        int result = ioctl(m.vcpu, KVM_RUN, 0);
        printf("KVM_RUN %d, exit %u", result, m.run->exit_reason);
        if (m.run->exit_reason == KVM_EXIT_IO) {
            uint8_t *data = (uint8_t *)m.run + m.run->io.data_offset;
            printf(", direction %u, port %x", m.run->io.direction, m.run->io.port);
            if (m.run->io.direction == KVM_EXIT_IO_IN) *data = 0x77;
            else printf(", data %x", *data);
        } else if (m.run->exit_reason == KVM_EXIT_HLT) {
            halts++;
        } else {
            break;
        }
        must(ioctl(m.vcpu, KVM_GET_REGS, &registers), "KVM_GET_REGS");
        printf(", rip %llx, rflags %llx\n", registers.rip, registers.rflags);
    }

    /* Through a duplicate alone, and with an argument that KVM refuses. */
    int duplicate = dup(m.vcpu);
    close(m.vcpu);
    must(ioctl(duplicate, KVM_GET_REGS, &registers), "KVM_GET_REGS");
    printf("rax %llx\n", registers.rax);
    int result = ioctl(duplicate, KVM_SET_REGS, 8);
    printf("KVM_SET_REGS %d, errno %d\n", result, errno);
    result = ioctl(duplicate, KVM_RUN, 1);
    printf("KVM_RUN %d, errno %d\n", result, errno);
    return 0;
}
