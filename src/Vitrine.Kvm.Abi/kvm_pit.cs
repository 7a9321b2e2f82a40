using System.Runtime.InteropServices;

namespace Vitrine.Kvm.Abi;

/// <summary>Argument of KVM_CREATE_PIT2.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_pit_config
{
    public uint flags;
    public fixed uint pad[15];
}

/// <summary>One channel of the 8254.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_pit_channel_state
{
    public uint count;
    public ushort latched_count;
    public byte count_latched;
    public byte status_latched;
    public byte status;
    public byte read_state;
    public byte write_state;
    public byte write_latch;
    public byte rw_mode;
    public byte mode;
    public byte bcd;
    public byte gate;
    public long count_load_time;
}

/// <summary>The three channels, an array in &lt;linux/kvm.h&gt;.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct kvm_pit_channels
{
    public kvm_pit_channel_state channel0;
    public kvm_pit_channel_state channel1;
    public kvm_pit_channel_state channel2;
}

/// <summary>Argument of KVM_REINJECT_CONTROL.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_reinject_control
{
    public byte pit_reinject;
    public fixed byte reserved[31];
}

/// <summary>The 8254.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct kvm_pit_state2
{
    public kvm_pit_channels channels;
    public uint flags;
    public fixed uint reserved[9];
}
