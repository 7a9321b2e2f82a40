using System.Runtime.InteropServices;

namespace Vitrine.KvmServer.Engine;

/// <summary>
/// What a signal handler on a thread that is in KVM_RUN stores to, so that the call returns EINTR: 1 to <see cref="Signal"/>, 1, 0 and 1 to what the three pointers
/// point to. Plain stores, in this order. The layout is that of struct vitrine_attention in the preloaded library.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct AttentionBlock
{
    // SAFETY: for the whole type: the words belong to the vCPU's engine, until Detach has led the pointers to a word of the block's own; and that is never freed.

    /// <summary>A signal has come: KVM_RUN is to return EINTR.</summary>
    public uint Signal;

    /// <summary>1 while a thread is in KVM_RUN.</summary>
    public uint InRun;

    /// <summary>The engine's word "come back".</summary>
    public uint* Kicked;

    /// <summary>The engine's word "look for events".</summary>
    public ulong* PollAt;

    /// <summary>The engine's word that a halted vCPU waits on.</summary>
    public uint* Futex;

    /// <summary>1 when the client has set a signal mask for KVM_RUN (KVM_SET_SIGNAL_MASK).</summary>
    public ulong HasMask;

    /// <summary>The mask, as the kernel has it.</summary>
    public ulong Mask;

    // What is stored to when there is no engine any more.
    private ulong _nobody;

    /// <summary>The vCPU ends: whoever stores from now on reaches nobody.</summary>
    /// <param name="block">The block, which stays where it is.</param>
    public static void Detach(AttentionBlock* block)
    {
        block->Kicked = (uint*)&block->_nobody;
        block->PollAt = &block->_nobody;
        block->Futex = (uint*)&block->_nobody;
    }
}
