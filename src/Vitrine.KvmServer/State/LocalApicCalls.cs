using Vitrine.Accelerators.Parts;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Abi.Codec;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.State;

/// <summary>The register page of a vCPU's local APIC (KVM_GET_LAPIC, KVM_SET_LAPIC): EINVAL where the client has the local APICs.</summary>
internal static class LocalApicCalls
{
    /// <summary>KVM_GET_LAPIC.</summary>
    public static int Get(ServedVcpu vcpu, VmEngine engine, ulong address)
    {
        if (engine.Behavior.LocalApicAtClient) return -Errno.EINVAL;
        vcpu.Parts.Get(vcpu.State, StateParts.LocalApic);
        return ClientMemory.Write(address, LapicCodec.Encode(vcpu.State));
    }

    /// <summary>KVM_SET_LAPIC.</summary>
    public static int Set(ServedVcpu vcpu, VmEngine engine, ulong address)
    {
        if (engine.Behavior.LocalApicAtClient) return -Errno.EINVAL;
        int error = ClientMemory.Read(address, out kvm_lapic_state lapic);
        if (error < 0) return error;
        LapicCodec.Decode(lapic, vcpu.State);
        vcpu.Parts.Put(vcpu.State, StateParts.LocalApic);
        return 0;
    }
}
