using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>KVM_CAP_EXCEPTION_PAYLOAD and KVM_CAP_X86_TRIPLE_FAULT_EVENT (Documentation/virt/kvm/api.rst 4.31, 7.17, 7.32).</summary>
public sealed unsafe class EventPayloadTests
{
    // SAFETY: enabling a capability writes to the arguments of a structure of ours.
    private const byte Debug = 1;
    private const byte PageFault = 14;
    private const ulong SingleStep = 1UL << 14;

    [Theory]
    [InlineData(Debug, SingleStep)]
    [InlineData(PageFault, 0x1234_5000UL)]
    public void AnExceptionThatWaitsBringsItsPayloadWhenItIsDelivered(byte vector, ulong payload)
    {
        using KvmClient client = Start(vector);
        Enable(client, KvmCap.KVM_CAP_EXCEPTION_PAYLOAD);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_VCPU_EVENTS, Waiting(client, vector, payload)));
        kvm_vcpu_events events = client.Get<kvm_vcpu_events>(client.Vcpu, KvmIoctl.KVM_GET_VCPU_EVENTS);
        Assert.Equal((0, 1, vector, 1, payload), (
            events.exception.injected, events.exception.pending, events.exception.nr, events.exception_has_payload, events.exception_payload));
        Assert.NotEqual(0u, events.flags & KvmConstants.KVM_VCPUEVENT_VALID_PAYLOAD);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x2001UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
        ulong brought = vector == PageFault
            ? client.Get<kvm_sregs>(client.Vcpu, KvmIoctl.KVM_GET_SREGS).cr2
            : client.Get<kvm_debugregs>(client.Vcpu, KvmIoctl.KVM_GET_DEBUGREGS).dr6 & SingleStep;
        Assert.Equal(payload, brought);
    }

    [Fact]
    public void WhatWasNotEnabledIsRefused()
    {
        using KvmClient client = Start(Debug);
        Assert.Equal(-Errno.EINVAL, client.Set(client.Vcpu, KvmIoctl.KVM_SET_VCPU_EVENTS, Waiting(client, Debug, SingleStep)));
        kvm_vcpu_events events = client.Get<kvm_vcpu_events>(client.Vcpu, KvmIoctl.KVM_GET_VCPU_EVENTS);
        events.flags |= KvmConstants.KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
        events.triple_fault.pending = 1;
        Assert.Equal(-Errno.EINVAL, client.Set(client.Vcpu, KvmIoctl.KVM_SET_VCPU_EVENTS, events));
        Enable(client, KvmCap.KVM_CAP_X86_TRIPLE_FAULT_EVENT);
        Assert.Equal(0, client.Set(client.Vcpu, KvmIoctl.KVM_SET_VCPU_EVENTS, events));
        Assert.Equal(1, client.Get<kvm_vcpu_events>(client.Vcpu, KvmIoctl.KVM_GET_VCPU_EVENTS).triple_fault.pending);
        Assert.Equal(KvmExit.KVM_EXIT_SHUTDOWN, client.RunToExit(client.Vcpu));
    }

    // hlt; at 0x2000, where the vector leads: hlt
    private static KvmClient Start(byte vector)
    {
        KvmClient client = KvmClient.WithRealModeCode([0xF4]);
        client.Bytes[0x2000] = 0xF4;
        BitConverter.TryWriteBytes(client.Bytes[(vector * 4)..], 0x2000u);
        return client;
    }

    private static void Enable(KvmClient client, uint capability)
    {
        kvm_enable_cap cap = new() { cap = capability };
        cap.args[0] = 1;
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_ENABLE_CAP, cap));
    }

    private static kvm_vcpu_events Waiting(KvmClient client, byte vector, ulong payload)
    {
        kvm_vcpu_events events = client.Get<kvm_vcpu_events>(client.Vcpu, KvmIoctl.KVM_GET_VCPU_EVENTS);
        events.flags |= KvmConstants.KVM_VCPUEVENT_VALID_PAYLOAD;
        events.exception.pending = 1;
        events.exception.nr = vector;
        events.exception_has_payload = 1;
        events.exception_payload = payload;
        return events;
    }
}
